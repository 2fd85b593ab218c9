# The order example as a durable function, with who may answer it and who is told when it fails.
#
#   python deploy/build_zip.py examples/order_processing build/orders.zip
#   terraform -chdir=deploy/terraform init && terraform -chdir=deploy/terraform apply

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25.0" # the first with durable_config
    }
  }
}

variable "function_name" {
  type    = string
  default = "orders"
}

variable "package" {
  type        = string
  default     = "../../build/orders.zip"
  description = "What build_zip.py has made"
}

variable "alarm_email" {
  type        = string
  default     = ""
  description = "Who is told of executions that fail; nobody if left empty"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  account      = data.aws_caller_identity.this.account_id
  function_arn = "arn:${data.aws_partition.this.partition}:lambda:${data.aws_region.this.region}:${local.account}:function:${var.function_name}"
}

resource "aws_lambda_function" "orders" {
  function_name    = var.function_name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "app.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 512
  timeout          = 60 # one invocation; longer than the slowest step
  role             = aws_iam_role.orders.arn
  publish          = true # running executions stay on the version that they began with

  durable_config {
    execution_timeout = 604800 # the whole execution, with its waits: seven days
    retention_period  = 14
  }

  environment {
    variables = {
      ORDER_EFFECTS = "/tmp/effects.log"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.orders.name
  }

  timeouts {
    delete = "60m" # running executions are stopped first
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.orders.function_name
  function_version = aws_lambda_function.orders.version
}

resource "aws_cloudwatch_log_group" "orders" {
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = 30
}

resource "aws_iam_role" "orders" {
  name_prefix = "${var.function_name}-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "orders" {
  name = "durable-function"
  role = aws_iam_role.orders.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"]
        Resource = "${local.function_arn}:*"
      },
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.orders.arn}:*"
      },
    ]
  })
}

resource "aws_iam_policy" "answer_callbacks" {
  name_prefix = "${var.function_name}-answer-callbacks-"
  description = "For the role of whoever answers the callbacks of orders"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "lambda:SendDurableExecutionCallbackSuccess",
        "lambda:SendDurableExecutionCallbackFailure",
        "lambda:SendDurableExecutionCallbackHeartbeat",
      ]
      Resource = "${local.function_arn}:*"
    }]
  })
}

resource "aws_sns_topic" "failures" {
  name_prefix = "${var.function_name}-failures-"
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.alarm_email == "" ? 0 : 1
  topic_arn = aws_sns_topic.failures.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_sns_topic_policy" "failures" {
  arn = aws_sns_topic.failures.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "cloudwatch.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.failures.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.function_name}-executions-failed"
  alarm_description   = "An order has failed or timed out"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.failures.arn]

  metric_query {
    id          = "all"
    expression  = "failed + timedout"
    label       = "executions that failed or timed out"
    return_data = true
  }

  metric_query {
    id = "failed"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "DurableExecutionFailed"
      period      = 300
      stat        = "Sum"
      dimensions  = { FunctionName = var.function_name }
    }
  }

  metric_query {
    id = "timedout"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "DurableExecutionTimedOut"
      period      = 300
      stat        = "Sum"
      dimensions  = { FunctionName = var.function_name }
    }
  }
}

resource "aws_cloudwatch_event_rule" "ended" {
  name_prefix = "${var.function_name}-ended-"
  description = "Tells which order has failed, timed out or was stopped"
  event_pattern = jsonencode({
    source        = ["aws.lambda"]
    "detail-type" = ["Durable Execution Status Change"]
    detail = {
      status      = ["FAILED", "TIMED_OUT", "STOPPED"]
      functionArn = [{ prefix = local.function_arn }]
    }
  })
}

resource "aws_cloudwatch_event_target" "ended" {
  rule = aws_cloudwatch_event_rule.ended.name
  arn  = aws_sns_topic.failures.arn
}

output "function" {
  description = "What to invoke"
  value       = "${aws_lambda_function.orders.function_name}:${aws_lambda_alias.live.name}"
}

output "answer_callbacks_policy" {
  description = "To attach to the role of whoever answers callbacks"
  value       = aws_iam_policy.answer_callbacks.arn
}
