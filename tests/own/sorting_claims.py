from sorting import Sorting

from llm_claims import claim, less


@claim("timsort-beats-heapsort-on-sorted-input", place="README, line 12")
def test_timsort_is_faster(measure, judge):
    timsort, heapsort = (measure(Sorting(algorithm=name)) for name in ("timsort", "heapsort"))
    judge(less(heapsort.elements_per_second, timsort.elements_per_second))
