"""Which feature services serving answers, and by which versions of their views."""

from hindcast.compiler.plan import service_document
from hindcast.project import Project
from hindcast.stores.online import OnlineStore, ViewVersion


def put_online(project: Project, store: OnlineStore) -> None:
    """Let serving answer each service by its definition, once all of its views are materialized.

    Until then it is answered by the definition before, if there was one.
    """
    materialized = store.materialized()
    declared = {name: project.question(name) for name in project.asked}
    ready = {
        name: service_document(service)
        for name, service in declared.items()
        if all(ViewVersion.of(view) in materialized for view in service.views)
    }
    store.put_services(ready, declared)


def definition_hashes(store: OnlineStore) -> frozenset[str]:
    """The hashes of the view versions by which services are answered now."""
    documents = store.services().values()
    return frozenset(digest for each in documents for digest in each["versions"].values())
