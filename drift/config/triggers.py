"""`triggers:` which pipelines retrain a model, and when."""

import re
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, model_validator

from alerts.options import Options
from alerts.retrain.presets.airflow import AirflowOptions
from alerts.retrain.presets.argo import ArgoOptions
from alerts.retrain.presets.azureml import AzuremlOptions
from alerts.retrain.presets.github import GithubOptions
from alerts.retrain.presets.http import HttpTriggerOptions
from alerts.retrain.presets.jenkins import JenkinsOptions
from alerts.retrain.presets.kubeflow import KubeflowOptions
from alerts.retrain.presets.webhook import WebhookTriggerOptions
from alerts.retrain.trigger import Preset
from alerts.silences import impossible
from drift.config.routes import MATCHED, Matchers
from drift.config.scalars import Duration, MisfitError, Settings
from drift.core.alert import Urgency
from drift.core.clock import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from alerts.retrain.policy import TriggerRule

PRESETS: Final = ("webhook", "airflow", "kubeflow", "jenkins", "github", "argo", "azureml", "http")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")


class TriggerSettings(Settings):
    """One pipeline that retrains: exactly one of `webhook`, `airflow`, `kubeflow`, `jenkins`, `github`, `argo`,
    `azureml`, `http`. See docs/retraining.md."""

    webhook: WebhookTriggerOptions | None = None
    """An HTTP endpoint that takes signed CloudEvents."""
    airflow: AirflowOptions | None = None
    """A DAG of Apache Airflow."""
    kubeflow: KubeflowOptions | None = None
    """A pipeline of Kubeflow Pipelines."""
    jenkins: JenkinsOptions | None = None
    """A job of Jenkins."""
    github: GithubOptions | None = None
    """A workflow of GitHub Actions."""
    argo: ArgoOptions | None = None
    """An event of Argo Workflows."""
    azureml: AzuremlOptions | None = None
    """A batch endpoint of Azure Machine Learning."""
    http: HttpTriggerOptions | None = None
    """Anything else that one HTTP request starts."""
    name: str = ""
    """What the trigger is called in runs, metrics and history; default: its preset."""
    match: Matchers = ()
    """Which incidents it is for, by model, owner, severity, column, rule; `*` and `?` stand for anything. A list of
    blocks means any of them. Default: drift of every model."""
    on: Literal[Urgency.WARNING, Urgency.PAGE] = Urgency.PAGE
    """Incidents that are as loud or louder start it: `page`, or `warning`."""
    approval: Literal["ask", "auto"] = "ask"
    """`ask`: a person has to approve each run; `auto`: it starts by itself."""
    cooldown: Duration = Field(default=DAY, ge=0)
    """So long after the end of a model's last run no other starts by itself."""
    dry_run: bool = False
    """Rehearse: write down what would be sent, and send nothing."""
    timeout: Duration = 6 * HOUR
    """A run that is not over by then has timed out; nothing stops it at the target."""
    poll: Duration = Field(default=30 * SECOND, ge=SECOND)
    """How often the target is asked how a run is doing."""

    @model_validator(mode="before")
    @classmethod
    def _one_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        found = [name for name in PRESETS if name in data]
        if len(found) != 1:
            has = f"this one has {' and '.join(found)}" if found else "this one has none"
            raise ValueError(f"a trigger has exactly one of {', '.join(PRESETS)}; {has}")
        return {"name": found[0], **data}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        found: dict[tuple[str | int, ...], str] = {}
        if not _NAME.fullmatch(self.name):
            found["name",] = (
                f"a trigger's name has small letters, digits and - only, 30 at most; {self.name!r} does not"
            )
        for matchers in self.match:
            for label in matchers.keys() - set(MATCHED):
                found["match",] = f"incidents have no label {label!r}; there are {', '.join(MATCHED)}"
            if why := impossible(matchers):
                found["match",] = why
        if found:
            raise MisfitError(found)
        return self

    @property
    def kind(self) -> str:
        """`airflow`, `webhook`, …"""
        return next(kind for kind in PRESETS if getattr(self, kind) is not None)

    @property
    def preset(self) -> Preset:
        """How its kind starts and follows runs."""
        from alerts.retrain.names import presets

        return presets()[self.kind]

    @property
    def options(self) -> Options:
        """What stands under the kind's key."""
        options: Options = getattr(self, self.kind)
        return options

    def rule(self, url: str) -> "TriggerRule":
        """What deciding when it is pulled has to know; `url`: the service's own address."""
        from alerts.retrain.policy import TriggerRule

        return TriggerRule(self.name, self.match, self.on, self.approval, self.cooldown, self.dry_run, url=url)
