"""`doctor`: looks at what usually goes wrong and says what to do about it."""

import click

from cli.office import Office, Refused, faults_as_sentences
from database.session import Database
from services.checkup import CheckupPorts, check_up


def doctor_command(office: Office) -> click.Command:
    """Return the command `doctor`."""

    @click.command("doctor")
    def doctor() -> None:
        """Check the database, the accounts and the open brackets; exit 2 when something is wrong."""
        db = Database(office.config.database_url)
        try:
            with faults_as_sentences():
                ports = CheckupPorts(db=db, box=office.secrets.box, clock=office.clock)
                findings = list(check_up(ports))
        finally:
            db.close()
        for fine, words in findings:
            click.echo(f"{'ok   ' if fine else 'WRONG'}  {words}")
        if not all(fine for fine, _ in findings):
            raise Refused("something is wrong, see above")

    return doctor
