"""The order example as a durable function, with who may answer it and who is told when it fails.

python deploy/build_zip.py examples/order_processing build/orders.zip
cd deploy/cdk && pip install -r requirements.txt && cdk deploy
"""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import (
    Duration,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
    aws_logs,
    aws_sns,
    aws_sns_subscriptions,
)
from constructs import Construct

PACKAGE = Path(__file__).parent.parent.parent / "build" / "orders.zip"


class Orders(cdk.Stack):
    def __init__(self, scope: Construct, name: str, *, function_name: str = "orders", alarm_email: str = "") -> None:
        super().__init__(scope, name)
        self.function_arn = self.format_arn(
            service="lambda",
            resource="function",
            resource_name=function_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        function = self._function(function_name)
        self._answers()
        self._failures(function, alarm_email)

    def _function(self, function_name: str) -> aws_lambda.Function:
        logs = aws_logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{function_name}",
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        logs.grant_write(role)
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"],
                resources=[f"{self.function_arn}:*"],
            )
        )
        function = aws_lambda.Function(
            self,
            "Function",
            function_name=function_name,
            code=aws_lambda.Code.from_asset(str(PACKAGE)),
            handler="app.handler",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            memory_size=512,
            timeout=Duration.seconds(60),  # one invocation; longer than the slowest step
            role=role.without_policy_updates(),
            # The whole execution, with its waits.
            durable_config=aws_lambda.DurableConfig(
                execution_timeout=Duration.days(7), retention_period=Duration.days(14)
            ),
            environment={"ORDER_EFFECTS": "/tmp/effects.log"},
            logging_format=aws_lambda.LoggingFormat.JSON,
            log_group=logs,
        )
        # Running executions stay on the version that they began with.
        alias = aws_lambda.Alias(self, "Live", alias_name="live", version=function.current_version)
        cdk.CfnOutput(self, "Invoke", value=alias.function_arn, description="What to invoke")
        return function

    def _answers(self) -> None:
        policy = aws_iam.ManagedPolicy(
            self,
            "AnswerCallbacks",
            description="For the role of whoever answers the callbacks of orders",
            statements=[
                aws_iam.PolicyStatement(
                    actions=[
                        "lambda:SendDurableExecutionCallbackSuccess",
                        "lambda:SendDurableExecutionCallbackFailure",
                        "lambda:SendDurableExecutionCallbackHeartbeat",
                    ],
                    resources=[f"{self.function_arn}:*"],
                )
            ],
        )
        cdk.CfnOutput(self, "AnswerCallbacksPolicy", value=policy.managed_policy_arn)

    def _failures(self, function: aws_lambda.Function, alarm_email: str) -> None:
        topic = aws_sns.Topic(self, "Failures")
        topic.grant_publish(aws_iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        if alarm_email:
            topic.add_subscription(aws_sns_subscriptions.EmailSubscription(alarm_email))
        failed = function.metric("DurableExecutionFailed", statistic="Sum", period=Duration.minutes(5))
        timed_out = function.metric("DurableExecutionTimedOut", statistic="Sum", period=Duration.minutes(5))
        alarm = aws_cloudwatch.Alarm(
            self,
            "ExecutionsFailed",
            alarm_description="An order has failed or timed out",
            metric=aws_cloudwatch.MathExpression(
                expression="failed + timedout",
                using_metrics={"failed": failed, "timedout": timed_out},
                period=Duration.minutes(5),
            ),
            threshold=0,
            evaluation_periods=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(topic))
        aws_events.Rule(
            self,
            "ExecutionEnded",
            description="Tells which order has failed, timed out or was stopped",
            event_pattern=aws_events.EventPattern(
                source=["aws.lambda"],
                detail_type=["Durable Execution Status Change"],
                detail={
                    "status": ["FAILED", "TIMED_OUT", "STOPPED"],
                    "functionArn": aws_events.Match.prefix(self.function_arn),
                },
            ),
            targets=[aws_events_targets.SnsTopic(topic)],
        )


app = cdk.App()
Orders(
    app,
    "orders",
    function_name=app.node.try_get_context("function_name") or "orders",
    alarm_email=app.node.try_get_context("alarm_email") or "",
)
app.synth()
