# A machine that Terraform or OpenTofu starts and Overture knows. The variables of ../curl/call.sh are in the environment.
terraform {
  required_providers {
    aws      = { source = "hashicorp/aws" }
    external = { source = "hashicorp/external" }
  }
  # The state holds the user data with its one-time token, which is good for the deadline of the launch: keep it encrypted.
}

variable "name" {
  type        = string
  description = "Names the registration: another name or spec is another instance."
}

variable "image_id" {
  type = string
}

locals {
  spec = {
    image   = var.image_id
    profile = "web"
    labels  = { terraform = var.name }
    puppet  = { server = "puppet.example.com" }
    node    = { classes = { ntp = {} } }
  }
}

# Asked at each plan; the same request_id and spec find the same instance.
data "external" "overture" {
  program = ["${path.module}/register.py"]
  query = {
    # An edited spec is another registration, and so another machine. At most 64 characters.
    request_id = "terraform-${var.name}-${substr(sha256(jsonencode(local.spec)), 0, 16)}"
    spec       = jsonencode(local.spec)
  }
}

resource "aws_instance" "web" {
  ami           = var.image_id
  instance_type = "t3.small"
  user_data     = data.external.overture.result.user_data

  metadata_options {
    http_tokens = "required"
  }

  lifecycle {
    # Rendered anew by a newer Conductor it may differ, and a machine reads it once.
    ignore_changes       = [user_data]
    replace_triggered_by = [terraform_data.end]
  }
}

resource "terraform_data" "end" {
  # Changed in place it would not be destroyed, and the old registration not ended.
  triggers_replace = [data.external.overture.result.certname]
  input            = { certname = data.external.overture.result.certname, module = path.module }

  provisioner "local-exec" {
    when    = destroy
    command = "${self.input.module}/terminate.sh ${self.input.certname}"
  }
}
