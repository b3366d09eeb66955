import msgspec

from benchmarks.harness.layers import as_speedscope, by_function, by_layer, layer_of, read_stacks

RAW = """\
run (uvicorn/server.py:86);execute (gateway/engine.py:30);follow (gateway/execution/selection.py:190) 6
run (uvicorn/server.py:86);fetch (clients/http.py:90);request (aiohttp/client.py:500);loads (json/__init__.py:9) 3
run (uvicorn/server.py:86);dump (gateway/execution/writing.py:56) 2
run (threading.py:982);wait (threading.py:327) 40
"""


def test_samples_go_to_the_innermost_layer() -> None:
    """What a layer calls in the standard library is its own cost, and what it calls in another layer is not."""
    assert by_layer(read_stacks(RAW)) == {"execution": 6, "client": 3, "write": 2}


def test_threads_that_wait_cost_nothing() -> None:
    """A thread on a lock uses no CPU, whatever the sampler thinks."""
    assert sum(stack.samples for stack in read_stacks(RAW)) == 11


def test_a_stack_of_nobody_is_other() -> None:
    """Samples are never lost: what fits no layer is shown as such."""
    assert layer_of(["main (program.py:1)", "spin (elsewhere/loop.py:2)"]) == "other"


def test_lines_of_one_function_are_counted_together() -> None:
    """The table is of functions, not of lines."""
    stacks = read_stacks("a (x.py:1) 2\na (x.py:9) 3\n")
    assert by_function(stacks) == {"a (x.py)": 5}


def test_the_flame_graph_holds_every_sample() -> None:
    """Speedscope shows what was sampled: weights add up, and every frame has a name."""
    stacks = read_stacks(RAW)
    graph = msgspec.json.decode(msgspec.json.encode(as_speedscope("page", stacks)))
    (profile,) = graph["profiles"]
    assert sum(profile["weights"]) == profile["endValue"] == 11
    assert {place for sample in profile["samples"] for place in sample} == set(range(len(graph["shared"]["frames"])))
