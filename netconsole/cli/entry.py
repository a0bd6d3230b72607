"""Where the program begins: it imports nothing, so that Ctrl-C is heeded from its first line on."""

import signal


def main() -> int:
    """Run as the program; its exit status is the answer.

    Who interrupts it while its modules are imported gets no traceback: SIGINT ends it as it ends
    any other program, which shells tell as 130. One that is ignored stays so, as `nohup` has it.
    """
    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from netconsole.cli import main as program

    signal.signal(signal.SIGINT, former)
    return program.main()
