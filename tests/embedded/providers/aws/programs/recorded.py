"""Types that nothing emulates."""

import pulumi
from pulumi_aws.accessanalyzer import Analyzer
from pulumi_aws.appconfig import Application, Environment
from pulumi_aws.xray import Group

config = pulumi.Config()
analyzer = Analyzer("analyzer", analyzer_name=config.get("analyzer") or "first", type="ACCOUNT")
application = Application("application", description=config.get("text") or "one", tags={"owner": "team"})
Environment("environment", application_id=application.id, description=config.get("text"))
slow = Group("slow", group_name="slow", filter_expression="responsetime > 5")
pulumi.export("analyzer", analyzer.arn)
pulumi.export("application", application.id)
pulumi.export("name", application.name)
pulumi.export("group", slow.arn)
