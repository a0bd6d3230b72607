"""Projects on the command line: named, or taken from the environment as OpenStack's clients do."""

import click

from netconsole.cli.frame import names

ENVIRONMENT = ("OS_PROJECT_ID", "OS_PROJECT_NAME", "OS_TENANT_ID", "OS_TENANT_NAME")
"""Where the project to work for stands, the first that is set."""

project_option = click.option(
    "--project",
    envvar=ENVIRONMENT,
    metavar="PROJECT",
    required=True,
    shell_complete=names.projects,
    help="Whose it is. Default: OS_PROJECT_NAME or OS_TENANT_NAME of the environment.",
)
