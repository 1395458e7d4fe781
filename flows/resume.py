"""`python -m flows.resume FLOW_RUN_ID`: go on with a run whose worker died, from the step that it had reached.

`prefect flow-run retry` refuses a run that still calls itself running, and a killed machine leaves just that behind.
"""

from __future__ import annotations

import sys
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed, Scheduled


def main(arguments: list[str]) -> int:
    """Resume the run that the one argument names; return the exit code."""
    try:
        (run_id,) = (UUID(each) for each in arguments)
        resume(run_id)
    except ValueError:
        print("usage: python -m flows.resume FLOW_RUN_ID; `prefect flow-run ls` lists them", file=sys.stderr)
        return 2
    except ObjectNotFound:
        print(f"the Prefect server knows no flow run {run_id}; `prefect flow-run ls` lists them", file=sys.stderr)
        return 2
    print(f"Flow run {run_id} is scheduled again; a worker will go on with it.")
    return 0


def resume(run_id: UUID) -> None:
    """Schedule a run again, under its own id, so that it finds its kept results.

    Crashed comes first because that transition gives back the concurrency slot, which a forced one does not.
    """
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run_id).state
        if state is None or not state.is_final():
            client.set_flow_run_state(run_id, Crashed(message="its worker died"))
        client.set_flow_run_state(run_id, Scheduled(message="resumed"), force=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
