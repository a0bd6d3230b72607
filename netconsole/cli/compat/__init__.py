"""The commands of nova and nova-manage as they stand in their guide: fronts over our own verbs.

Arguments and printed columns are the originals', and exit statuses where theirs are known to
scripts. What is done, refused and said on stderr, the other exit statuses and the options
--dry-run, --verbose and --json are netconsole's.
"""
