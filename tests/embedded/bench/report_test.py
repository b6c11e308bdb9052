from embedded.bench.kubernetes import Figures
from embedded.bench.processes import Cost, Run
from embedded.bench.report import alone, document, floored, table, targets


def measured(**seconds: float) -> Figures:
    figures = Figures()
    for name, value in seconds.items():
        figures.add(name.replace("_", " ").replace(" alone", ", engine alone"), Run(value, {"engine": Cost(1.0, 80.0)}))
    return figures


def test_a_target_is_a_ratio_of_one_run_and_says_whether_it_is_met() -> None:
    (up, destroy) = targets(measured(up=8.0, kubectl_apply=5.0, destroy=9.0, kubectl_delete=3.0))
    assert (up["target"], up["value"], up["met"]) == ("up / kubectl apply", 1.6, True)
    assert (destroy["value"], destroy["met"]) == (3.0, False)


def test_the_engine_alone_is_held_to_the_same_targets() -> None:
    figures = measured(up=8.0, up_alone=6.0, kubectl_apply=5.0)
    assert alone(figures) == [("up, engine alone", "kubectl apply", 1.2)]


def test_a_ratio_has_a_floor_in_processor_time() -> None:
    figures = Figures()
    figures.add("up", Run(20.0, {}))
    figures.add("up, engine alone", Run(9.0, {"engine": Cost(8.0), "program": Cost(2.0), "etcd": Cost(50.0)}))
    figures.add("kubectl apply", Run(5.0, {"kubectl": Cost(50.0), "etcd": Cost(1.0), "kube-apiserver": Cost(7.0)}))
    assert floored(figures, cores=2) == [("up / kubectl apply", 1.8)]


def test_the_median_counts_and_every_run_is_told() -> None:
    figures = measured(up=8.0)
    figures.add("up", Run(20.0, {}))
    figures.add("up", Run(9.0, {}))
    runs = document(figures)["runs"]["up"]
    assert (runs["median"], runs["seconds"]) == (9.0, [8.0, 20.0, 9.0])


def test_the_table_tells_the_memory_of_every_process() -> None:
    assert "engine 80" in table(measured(up=8.0))
