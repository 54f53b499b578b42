"""`baton`: serve, work, and what an operator does by hand. Settings come from the environment (`BATON_...`)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
import uvicorn
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Column, Table

from server import app as application
from server import backup as backups
from server import check as checking
from server import wiring, worker
from server.inventory import rebuild, streams
from server.kit import auth, garbage, keys, logs, outbox, postgres
from server.kit.postgres import PostgresError
from server.kit.serving import Server
from server.kit.transaction import Tx
from server.kit.web import Parts
from server.people import devices, service
from server.people import keys as api_keys
from server.people.rules import KeyRole, NewKey, NewPerson, PersonRole
from server.routing import plans, whatif
from server.routing.rules import RoutingPlan
from server.settings import Settings
from shared.errors import BatonError
from shared.kernel import Instant
from shared.passes import pin_verifier

T = TypeVar("T")
GRACE_S = 30
MOST_PLAYED = 200_000
FILE_PART = 256 * 1024
cli = typer.Typer(
    help="Order management for retailers with stores.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
)
db_commands = typer.Typer(help="The database.", no_args_is_help=True)
people_commands = typer.Typer(help="People and devices, for the first start and for emergencies.", no_args_is_help=True)
key_commands = typer.Typer(help="API keys of machines.", no_args_is_help=True)
stock_commands = typer.Typer(help="Stock and its ledger.", no_args_is_help=True)
routing_commands = typer.Typer(help="Routing plans.", no_args_is_help=True)
cli.add_typer(db_commands, name="db")
cli.add_typer(stock_commands, name="stock")
cli.add_typer(routing_commands, name="routing")
cli.add_typer(people_commands, name="people")
cli.add_typer(key_commands, name="key")
out = Console(highlight=False, emoji=False, soft_wrap=True)

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8550")]
Data = Annotated[Path | None, typer.Option(help="Folder for the embedded database.", show_default=".baton")]
Role = Annotated[str | None, typer.Option(help="all, api or worker: what this process does.", show_default="all")]


def settings(**given: object) -> Settings:
    """The environment's settings, with what the command line gives on top."""
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


@cli.command()
def serve(host: Host = None, port: Port = None, data_dir: Data = None, role: Role = None) -> None:
    """Serve the API; with the role `all` (default), jobs and schedules run in the same process."""
    chosen = settings(host=host, port=port, data_dir=data_dir, role=role)
    logs.configure(level=chosen.log_level, form=chosen.log_format)
    app = application.create_app(chosen)
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    out.print(f"API on [bold]http://{chosen.host}:{chosen.port}[/], its manual at /v1/docs")
    Server(config, app).run()


@cli.command("worker")
def work(data_dir: Data = None) -> None:
    """Run jobs and schedules only, beside processes that run `baton serve --role api`."""
    chosen = settings(data_dir=data_dir, role="worker")
    logs.configure(level=chosen.log_level, form=chosen.log_format)

    async def until_told() -> None:
        async with application.prepared(chosen, wiring.ANSWERS) as database:
            parts = Parts(chosen, database, await keys.load(database))
            for sign in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(sign, parts.draining.set)
            await worker.run(parts)

    asyncio.run(until_told())


@cli.command("store-app")
def store_app(
    server: Annotated[str, typer.Option(help="Address of the Baton server.")] = "http://127.0.0.1:8550",
    hub: Annotated[
        bool, typer.Option("--hub", help="One local store for all browsers, for the whole network.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1; a hub with TLS: all")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8600,
    data: Annotated[Path, typer.Option(help="Folder of the local stores.")] = Path(".baton/store"),
    tls: Annotated[
        bool | None,
        typer.Option(
            "--tls/--no-tls", help="Secure pages, with a certificate this machine makes.", show_default="on a hub"
        ),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Secure pages, with this certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Key of the certificate.")] = None,
) -> None:
    """Serve the store app to browsers, as a process of its own.

    With --hub all browsers of a store work on one local store, over TLS, and go on when the line to the server is dead.
    Without it each browser profile is a device of its own. A tablet's camera wants a secure page: --hub, --tls, or a
    certificate of your own.
    """
    given = ["--server", server, "--port", str(port), "--data", str(data)]
    given += ["--hub"] if hub else []
    given += ["--host", host] if host else []
    given += ["--tls" if tls else "--no-tls"] if tls is not None else []
    given += ["--tls-cert", str(tls_cert)] if tls_cert else []
    given += ["--tls-key", str(tls_key)] if tls_key else []
    with subprocess.Popen([sys.executable, "-m", "store_app", *given]) as child:  # noqa: S603 (our own words)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            code = child.wait()
        except KeyboardInterrupt:
            code = child.wait()
    raise typer.Exit(code)


@cli.command()
def check(
    data_dir: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Check the invariants of the database: stock, units, money, commands, feeds. Exit code 1 when one is broken."""
    chosen = settings(data_dir=data_dir)
    logs.configure(level="WARNING")

    async def ask() -> list[checking.Finding]:
        async with application.prepared(chosen) as database:
            return await checking.check(database)

    findings = asyncio.run(ask())
    if as_json:
        print(json.dumps([dataclasses.asdict(f) for f in findings], default=str))
    else:
        out.print(_findings_table(findings))
        for finding in findings:
            for row in finding.examples:
                out.print(f"[red]{finding.name}[/]: {escape(str(row))}")
    raise typer.Exit(1 if any(f.violations for f in findings) else 0)


def _findings_table(findings: list[checking.Finding]) -> Table:
    table = Table("", "invariant", Column("compared", justify="right"), Column("violations", justify="right"))
    for each in findings:
        word = "[red]broken[/]" if each.violations else "[green]whole[/]"
        table.add_row(word, each.name, f"{each.compared:,}", f"{each.violations:,}")
    return table


@cli.command()
def answers(
    again: Annotated[bool, typer.Option("--again", help="Give them all their tries anew.")] = False,
    data_dir: Data = None,
) -> None:
    """List answers after the commit that were given up, such as a gateway that kept failing, and try them again."""
    for row in _write(settings(data_dir=data_dir), lambda tx, _: outbox.given_up(tx)):
        tries, error = f"{row['attempts']} tries", escape(row["error"] or "")
        out.print(f"{row['seq']}  {row['answer']}  order {row['order_id']}  {tries}  {error}")
    if again:
        count = _write(settings(data_dir=data_dir), lambda tx, _: outbox.try_again(tx))
        out.print(f"{count} will be tried again.")


@stock_commands.command("rebuild")
def stock_rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what differs.")] = False,
    data_dir: Data = None,
) -> None:
    """Make positions follow their ledger and live claims. Exit code 1 when --dry-run finds a difference."""
    chosen = settings(data_dir=data_dir)
    wrong = _write(chosen, lambda tx, _: rebuild.differences(tx))
    for each in wrong:
        out.print(f"{each.sku} at {each.node}: {each.bucket} is {each.position}, its facts say {each.facts}")
    if not wrong:
        out.print("Every position follows its ledger and its claims.")
    elif dry_run:
        raise typer.Exit(1)
    else:
        keys_wrong = sorted({(each.sku, each.node) for each in wrong})
        mended = 0
        for start in range(0, len(keys_wrong), rebuild.BATCH):
            batch = keys_wrong[start : start + rebuild.BATCH]
            mended += len(_write(chosen, lambda tx, _, batch=batch: rebuild.put_right(tx, auth.SYSTEM.id, batch)))  # type: ignore[misc]
        out.print(f"{mended} figures put right.")


@stock_commands.command("feed")
def stock_feed(
    file: Annotated[Path, typer.Argument(help="One row as JSON on each line.", exists=True, dir_okay=False)],
    source: Annotated[str, typer.Option(help="The system it is from, always by the same name.")],
    as_of: Annotated[
        str | None, typer.Option(help="When the figures were true, unless a row says it: 2026-03-01T09:30:00Z.")
    ] = None,
    deltas: Annotated[bool, typer.Option("--deltas", help="Movements, not figures.")] = False,
    from_line: Annotated[int, typer.Option(min=1, help="Leave out the lines before it.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of sentences.")] = False,
    data_dir: Data = None,
) -> None:
    """Feed stock from a file: absolute figures of another system, or with --deltas its movements.

    Sent again, nothing happens twice. Exit code 1 when rows were refused; the others are in.
    """
    moment = TypeAdapter(Instant).validate_python(as_of) if as_of else None
    kind: streams.Feed[Any] = (
        streams.delta_feed(auth.SYSTEM, source) if deltas else streams.figure_feed(auth.SYSTEM, source, moment)
    )
    logs.configure(level="WARNING")
    with _progress("Lines", file.stat().st_size) as show:
        answer = asyncio.run(_feed(settings(data_dir=data_dir), kind, file, from_line, show))
    if as_json:
        print(answer.model_dump_json())
    else:
        for bad in answer.problems:
            for each in bad.errors:
                said = f"{each.field}: {each.message} {each.remedy or ''}"
                out.print(f"[red]line {bad.line}[/] {escape(bad.key or '')} {escape(said)}")
        out.print(
            f"{answer.lines:,} lines: {answer.changed:,} booked, {answer.unchanged:,} unchanged,"
            f" {answer.overtaken:,} overtaken, {answer.refused:,} refused."
        )
    raise typer.Exit(1 if answer.refused else 0)


async def _feed(
    chosen: Settings, feed: streams.Feed[Any], file: Path, first_line: int, show: Callable[[str, int], None]
) -> streams.FeedAnswer:
    """Read the file in a database that runs, or is started for it."""
    with file.open("rb") as opened:
        for _ in range(first_line - 1):
            opened.readline()

        async def parts() -> AsyncIterator[bytes]:
            while part := opened.read(FILE_PART):
                yield part

        def shown(tally: streams.Tally) -> None:
            show(f"{tally.next_line - 1:,} lines, {tally.refused:,} refused", opened.tell())

        async with application.prepared(chosen, wiring.ANSWERS) as database:
            garbage.tame()
            return (await streams.read(database, feed, parts(), first_line=first_line, show=shown)).answer()


@contextlib.contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[str, int], None]]:
    """A line that says how far it is; gone when it is done."""
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda said, done: bars.update(task, description=said, completed=done)


@cli.command()
def demo(
    speed: Annotated[float, typer.Option(min=0.1, help="How many times as fast as life orders arrive.")] = 60,
    stores: Annotated[int, typer.Option(min=1, max=457, help="How many real stores.")] = 40,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8550,
    app_port: Annotated[int, typer.Option(help="Port of the store app.")] = 8600,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the demo, found again next time.", show_default=".baton/demo; none if headless"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away the demo of last time and begin anew.")] = False,
    network: Annotated[bool, typer.Option(help="Serve the store app to tablets on the network too, with TLS.")] = True,
    headless: Annotated[bool, typer.Option("--headless", help="Play everything in fast motion and add up.")] = False,
    orders: Annotated[int, typer.Option(min=1, help="How many orders, if headless.")] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, if headless.")] = False,
) -> None:
    """Play with a retailer made from real baskets: orders arrive, one store is yours.

    With --headless everybody is simulated, time flies, and the exit code is 1 unless every order came to its end or is
    explained and every invariant holds.
    """
    if headless:
        raise typer.Exit(_fast_motion(orders, stores, data, as_json))
    from server.demo import live  # it needs the packages of the extra "demo"

    logs.configure(level="WARNING")
    choices = live.Choices(speed, stores, port, app_port, data or Path(".baton/demo"), network, fresh)
    asyncio.run(live.run(choices))


def _fast_motion(orders: int, stores: int, data: Path | None, as_json: bool) -> int:
    """Run the demo without a screen; the exit code."""
    from server.demo import headless, summary

    logs.configure(level="ERROR")
    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what.capitalize(), total=total)
            bars.update(tasks[what], completed=done)

        result = headless.run(headless.Choices(orders=orders, stores=stores, data=data), show)
    if as_json:
        print(json.dumps(dataclasses.asdict(result) | {"problems": result.problems}, default=str))
    else:
        summary.show(result, out)
        for problem in result.problems:
            out.print(f"[red]{problem}[/]")
    return 1 if result.problems else 0


@cli.command()
def openapi(
    to: Annotated[Path | None, typer.Option(help="File to write; the screen when left out.")] = None,
) -> None:
    """Print the API's OpenAPI document."""
    text = json.dumps(application.create_app(Settings()).openapi(), indent=2, ensure_ascii=False)
    if to is None:
        sys.stdout.write(text + "\n")
    else:
        to.write_text(text + "\n")


@routing_commands.command("simulate")
def routing_simulate(
    plan: Annotated[str, typer.Option(help="A file with a plan as JSON, or name@version.")],
    since: Annotated[datetime, typer.Option("--from", help="Orders that came in from then on (UTC),")],
    until: Annotated[datetime, typer.Option("--to", help="and before this.")],
    against: Annotated[str | None, typer.Option(help="name@version.", show_default="the active plan")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    data_dir: Data = None,
) -> None:
    """Play real orders again under another plan: what it would have given, split, cost and emptied. Writes nothing."""
    logs.configure(level="WARNING")

    written = plan_in(Path(plan)) if Path(plan).is_file() else None
    first, last = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)

    async def play() -> whatif.WhatIf:
        async with application.prepared(settings(data_dir=data_dir)) as database:
            async with database.reading() as tx:
                old, new = await plans.named(tx, against), written or await plans.named(tx, plan)
                stretch = await whatif.load_stretch(tx, first, last, most=MOST_PLAYED)
            return whatif.compare(stretch, new, old)

    found = asyncio.run(play())
    out.print(found.model_dump_json(indent=2) if as_json else _what_if_table(found))


def plan_in(file: Path) -> RoutingPlan:
    """A plan that nobody has stored. Raises ValidationError."""
    return RoutingPlan.model_validate({"version": 1, **json.loads(file.read_text())})


def _what_if_table(found: whatif.WhatIf) -> Table:
    said = f"{found.orders:,} orders, {found.units:,} units"
    table = Table(said, *(Column(name, justify="right") for name in (found.against.plan, found.plan.plan, "more")))
    for name, before in found.against.model_dump(exclude={"plan", "digest", "waiting"}).items():
        more = found.differences.get(name, 0)
        after = getattr(found.plan, name)
        table.add_row(name.replace("_", " "), f"{before:,}", f"{after:,}", f"{more:+,}" if more else "")
    for queue in sorted({*found.against.waiting, *found.plan.waiting}):
        old, new = found.against.waiting.get(queue, 0), found.plan.waiting.get(queue, 0)
        table.add_row(f"units waiting: {queue}", f"{old:,}", f"{new:,}", f"{new - old:+,}" if new != old else "")
    return table


@db_commands.command("upgrade")
def db_upgrade(data_dir: Data = None) -> None:
    """Bring the database's schema to this version. `baton serve` does so by itself."""

    async def nothing(_tx: Tx, _keys: keys.Keys) -> None:
        return None

    _write(settings(data_dir=data_dir), nothing)
    out.print("The database has this version's schema.")


@db_commands.command("backup")
def db_backup(
    file: Annotated[Path, typer.Argument(help="File to write; one that is there is replaced when the new is whole.")],
    data_dir: Data = None,
) -> None:
    """Write the whole database to a file, while the server works. It holds personal data and keys: keep it safe."""
    with _database_server(settings(data_dir=data_dir)) as url:
        size = backups.backup(url, file)
    out.print(f"{file} holds the database as it was just now ({size / 1e6:.1f} MB).")


@db_commands.command("restore")
def db_restore(
    file: Annotated[Path, typer.Argument(help="A file of `baton db backup`.", exists=True, dir_okay=False)],
    anyway: Annotated[bool, typer.Option("--anyway", help="Even if an invariant does not hold in it.")] = False,
    data_dir: Data = None,
) -> None:
    """Put a backup in the place of the database; the old one is kept under another name. Stop the server before.

    Order numbers go on far behind those of the backup, and a new epoch begins: devices fetch everything anew and push
    again what the backup has not seen.
    """
    logs.configure(level="CRITICAL")
    with _database_server(settings(data_dir=data_dir)) as url:
        done = asyncio.run(backups.restore(url, file, datetime.now(UTC), anyway=anyway))
    for name in done.broken:
        out.print(f"[red]does not hold[/]: {name}")
    out.print(f"Restored. Epoch {done.epoch}; what was there before is kept as the database {done.kept_as}.")


@contextlib.contextmanager
def _database_server(chosen: Settings) -> Iterator[str]:
    """The address of the settings' database, whose server runs meanwhile."""
    if chosen.database_url is not None:
        yield chosen.database_url
    else:
        with postgres.start(chosen.data_dir) as running:
            yield running.url(None)


@people_commands.command("add")
def people_add(
    name: Annotated[str, typer.Argument(help="Full name.")],
    role: Annotated[list[str], typer.Option(help="associate, lead, manager, agent, planner or admin; repeatable.")],
    node: Annotated[list[str] | None, typer.Option(help="Where they work; repeatable. None for head office.")] = None,
    data_dir: Data = None,
) -> None:
    """Add somebody, and show their new badge and PIN once."""
    pin = service.draw_pin(os.urandom)

    async def add(tx: Tx, installation: keys.Keys) -> tuple[UUID, str]:
        roles: list[PersonRole] = list(role)  # type: ignore[arg-type]
        verifier = pin_verifier(pin, installation.pin_key, tx.random(16))
        new = NewPerson(name=name, roles=roles, nodes=list(node or ()))
        added = await service.add_people(tx, auth.SYSTEM, [new], secrets=[service.Secrets(pin_verifier=verifier)])
        badge = await service.issue_badge(tx, auth.SYSTEM, added[0].id)
        return added[0].id, badge.label

    person, label = _write(settings(data_dir=data_dir), add)
    out.print(f"person  {person}\nbadge   {label}\nPIN     {pin}")


@people_commands.command("enrol-code")
def people_enrol_code(
    node: Annotated[str, typer.Argument(help="The node the device will belong to.")], data_dir: Data = None
) -> None:
    """A code with which one device joins a node within ten minutes."""
    chosen = settings(data_dir=data_dir)
    server = chosen.public_url
    code = _write(chosen, lambda tx, known: devices.offer_enrolment(tx, auth.SYSTEM, known, node, server))
    out.print(f"{code.code}\nlabel   {code.label}\nuntil   {code.expires_at:%H:%M} UTC")


@people_commands.command("reset-pin")
def people_reset_pin(person: Annotated[UUID, typer.Argument(help="The person's id.")], data_dir: Data = None) -> None:
    """Draw a new PIN and show it once; unlocks the person everywhere."""
    pin = service.draw_pin(os.urandom)

    async def reset(tx: Tx, installation: keys.Keys) -> None:
        await service.set_pin(tx, auth.SYSTEM, person, pin_verifier(pin, installation.pin_key, tx.random(16)))

    _write(settings(data_dir=data_dir), reset)
    out.print(f"PIN     {pin}")


@key_commands.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="What it is for, such as: web shop.")],
    role: Annotated[list[str] | None, typer.Option(help="integration, admin, planner or agent; repeatable.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Limit it to this permission; repeatable.")] = None,
    data_dir: Data = None,
) -> None:
    """Make an API key and show it once."""
    roles: list[KeyRole] = list(role or ["integration"])  # type: ignore[arg-type]
    new = NewKey(name=name, roles=roles, scopes=scope or None)
    made = _write(settings(data_dir=data_dir), lambda tx, _: api_keys.create_key(tx, auth.SYSTEM, new))
    out.print(made.key)


def _write(chosen: Settings, change: Callable[[Tx, keys.Keys], Awaitable[T]]) -> T:
    """One change in the settings' database, started if need be."""
    logs.configure(level="WARNING")

    async def run() -> T:
        async with application.prepared(chosen, wiring.ANSWERS) as database:
            installation = await keys.load(database)
            return await database.write(lambda tx: change(tx, installation))

    return asyncio.run(run())


def main() -> None:
    """Entry of the `baton` command: our own errors are sentences, not tracebacks."""
    try:
        cli()
    except BatonError as error:
        out.print(f"[red]{error.detail}[/] {error.remedy or ''}")
        sys.exit(1)
    except PostgresError as error:
        out.print(f"[red]{escape(str(error))}[/]")
        sys.exit(1)
    except ValidationError as error:
        first = error.errors()[0]
        out.print(f"[red]{'.'.join(str(part) for part in first['loc'])}: {first['msg']}[/]")
        sys.exit(2)


if __name__ == "__main__":
    main()
