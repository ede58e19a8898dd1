"""What the model is asked for; run with pytest."""

from pathlib import Path

from hindcast import project


def test_the_line_is_asked_for_x_alone_and_reads_nothing_else() -> None:
    declared = project.load(Path(__file__).parent)
    service = declared.service_of(declared.model())
    assert (service.names, service.views) == (("x",), ())
    assert list(service.given) == ["x"]
