"""What a team's pipeline looks like to Driftsum: one DAG that takes `conf`, one that fails, one that is paused."""

from airflow.sdk import dag, get_current_context, task


@task
def train() -> str:
    """Stands in for training: says what it was asked to do."""
    conf = get_current_context()["dag_run"].conf
    if conf.get("model") == "broken":
        raise ValueError("no training data")
    return f"{conf['model']} from {conf['stretch']['start']}"


@dag(dag_id="retrain", schedule=None, is_paused_upon_creation=False)
def retrain() -> None:
    train()


@dag(dag_id="sleeping", schedule=None, is_paused_upon_creation=True)
def sleeping() -> None:
    train()


retrain()
sleeping()
