// The page of a routing plan works without this; it only leads from a problem to its line.

const text = document.getElementById("plan");

for (const button of document.querySelectorAll("[data-line]")) {
  button.addEventListener("click", () => {
    const lines = text.value.split("\n");
    const line = Number(button.dataset.line);
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + lines[line - 1].length);
    text.scrollIntoView({ block: "nearest" });
  });
}
