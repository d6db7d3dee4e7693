"""All families of errors that a sandbox can show, as one table.

``TEMPLATES`` are those that rules can be written for, ``ODD`` those that a sensible set of rules leaves alone. The rows
stand in `families_netsuite`, `families_apps` and `families_platform`; each says source, code, message, classification,
HTTP status, and the cure, which is what a rule for the family should come to::

    cure        a rule should
    retry       retry, *at_retry* times at most
    patch       set *pointer* to the right value and retry; out-of-stock and salesforce-required need a person for it
    duplicate   resolve
    never       hold for a person: no retry helps
    changes     retry once; what comes back is of the family *becomes*
    none        hold or leave: there is no retry data
"""

from daemon.sandbox.families_apps import APPS
from daemon.sandbox.families_netsuite import NETSUITE
from daemon.sandbox.families_platform import ODD, PLATFORM
from daemon.sandbox.template import Template

__all__ = ["ALL", "ODD", "TEMPLATES", "template_of"]

TEMPLATES: tuple[Template, ...] = (*NETSUITE, *APPS, *PLATFORM)
ALL: dict[str, Template] = {template.family: template for template in (*TEMPLATES, *ODD)}


def template_of(family: str) -> Template:
    """Return the template of a family.

    Raises:
        LookupError: there is no such family; the message names those there are.
    """
    if family not in ALL:
        raise LookupError(f"unknown family {family!r}; one of: {', '.join(ALL)}")
    return ALL[family]
