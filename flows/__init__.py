"""When the work is done: the only code of the project that knows Prefect."""
