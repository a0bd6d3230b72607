"""Help: the keys from the table of actions, and what the marks mean."""

from netconsole.screens.pages.actions import ACTIONS
from netconsole.screens.panes import PANES
from netconsole.screens.rows.marks import Glyphs, mark
from netconsole.screens.rows.pane import Entry, heading

_MEANINGS = (
    ("drift", "the host differs from the store; r repairs, d shows how"),
    ("missing", "the store wants it, the host does not have it"),
    ("unexpected", "in a place that is ours alone, and not wanted by the store"),
    ("foreign", "made by another program; shown, never touched"),
    ("up", "somebody is at the other end (carrier)"),
    ("no carrier", "nobody is at the other end: no guest, or a bridge without ports"),
    ("no guest", "the port's other end lies on this host itself, and nobody uses it"),
    ("blocked", "the bridge lets no frame through at this port"),
    ("unplugged", "a port that is on no bridge, or on another one than its network's"),
    ("leased", "taken up by DHCP, and the guest's port has carrier"),
    ("held", "leased, and nobody is at the port: the guest is gone or does not run"),
    ("no lease", "allocated, somebody is at the port, and it is not taken up by DHCP"),
    ("waiting", "allocated, and its guest has not booted yet"),
    ("silent", "has its lease, and has asked the metadata service for nothing"),
    ("not here", "of another host, or not needed on this one yet"),
    ("stopped", "there, and answers nobody: stopped by a signal, or held up in the kernel"),
    ("stale", "runs with other arguments than it should"),
    ("duplicate", "more processes than there should be"),
    ("orphan", "ours, for a network that is not there"),
    ("unknown", "could not be read"),
)


def help_entries(glyphs: Glyphs, read_only_because: str | None) -> tuple[Entry, ...]:
    """Return the help text for this access and these glyphs."""
    access = f"read-only: {read_only_because}" if read_only_because else "read-write"
    panes = ", ".join(f"{pane.key} {pane.title}" for pane in PANES)
    return (
        Entry(access, label="access"),
        Entry(panes, label="panes"),
        Entry("tab and shift+tab, or left and right, go round the panes", label=" "),
        Entry("up, down, page up, page down, home, end; or k, j, g, G", label="moving"),
        Entry("esc goes back, and shows all rows again", label="esc"),
        Entry(),
        heading("Keys"),
        *(
            Entry(f"{action.title}: {action.help}", label=action.shown_key)
            for action in ACTIONS
            if read_only_because is None or not action.danger
        ),
        Entry("suspend: fg brings the console back", label="ctrl+z"),
        Entry(),
        heading("Marks"),
        *(Entry(meaning, label=mark(word, glyphs)) for word, meaning in _MEANINGS),
    )
