"""Where a packaged app begins; it lies at the top of the bundle, beside `assets` and the packages it imports."""

from store_app.device import main

if __name__ == "__main__":
    main()
