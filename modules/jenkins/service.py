"""Jenkins as a service."""

from modules.core.service import Context, Deployed, Login, Service

from .settings import JenkinsSettings


def deploy(context: Context[JenkinsSettings]) -> Deployed:
    """Create Jenkins: on simulated nodes while an image of it is unresolved."""
    import pulumi

    from .documents import Images
    from .server import Jenkins

    images, token = context.images, context.github_token
    Jenkins(
        context.name,
        settings=context.settings,
        labels=context.labels,
        cluster=context.cluster,
        registry=context.registry,
        images=Images(controller=images["jenkins"], agent=images["jenkins-agent"], steps=images["python"]),
        namespace=context.namespace.ready,
        token=pulumi.Output.secret(token.get_secret_value()) if token else None,
        simulated=context.unresolved,
        opts=context.opts,
    )
    return Deployed()


JENKINS = Service[JenkinsSettings](
    name="jenkins",
    title="Jenkins and its pipelines",
    settings=JenkinsSettings,
    deploy=deploy,
    third_party=("jenkins", "jenkins-agent", "python"),
    login=Login(namespace="jenkins", secret="jenkins", username="admin", password="admin-password"),
)
