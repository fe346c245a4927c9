"""What a baseline accepts, what is new, and what is gone."""

import dataclasses

import pytest
from tests.baseline.conftest import case, finding

from steadygraph.errors import UsageError
from steadygraph.history.baseline import Baseline, applied, updated
from steadygraph.model import Location, Policy, Status


def test_what_was_accepted_counts_no_more(report):
    accepted = updated(Baseline(), report(case(finding())))

    seen = applied(accepted, report(case(finding())))

    assert [one.allowed for one in seen.findings] == ["it is in the baseline"]
    assert seen.exit_code == 0
    assert str(seen.summary) == "1 case, 0 errors, 0 warnings, 0 notes, 1 accepted"


def test_a_finding_that_moved_to_another_line_is_the_same(report):
    accepted = updated(Baseline(), report(case(finding())))
    moved = dataclasses.replace(finding(), location=Location("model.py", 99, "forward"))

    assert applied(accepted, report(case(moved))).exit_code == 0


def test_only_what_is_new_counts(report):
    accepted = updated(Baseline(), report(case(finding())))

    seen = applied(accepted, report(case(finding(), finding("SG204"))))

    assert [one.rule for one in seen.findings if one.allowed is None] == ["SG204"]
    assert seen.exit_code == 1


def test_a_second_finding_with_the_same_fingerprint_is_new(report):
    accepted = updated(Baseline(), report(case(finding())))

    seen = applied(accepted, report(case(finding(), finding())))

    assert [one.allowed is None for one in seen.findings] == [False, True]


def test_what_no_longer_occurs_is_told(report):
    accepted = updated(Baseline(), report(case(finding(), finding("SG204"), finding("SG401", "text"))))

    (now,) = applied(accepted, report(case())).cases

    assert now.notes == (
        "3 accepted findings no longer occur: remove them with --update-baseline"
        " (SG101 [image], SG204 [image], SG401 [text])",
    )


def test_one_that_no_longer_occurs_is_told_in_the_singular(report):
    accepted = updated(Baseline(), report(case(finding())))

    (now,) = applied(accepted, report(case())).cases

    assert now.notes == ("1 accepted finding no longer occurs: remove it with --update-baseline (SG101 [image])",)


def test_nothing_is_known_of_findings_of_rules_that_did_not_run_or_of_other_deployments(report):
    accepted = updated(Baseline(), report(case(finding())))

    fewer_rules = applied(accepted, report(case()), all_rules=False)
    fewer_policies = applied(accepted, report(case(policies=(Policy.RECOMPILE,))))

    assert fewer_rules.cases[0].notes == ()
    assert fewer_policies.cases[0].notes == ()


def test_what_the_case_accepts_itself_is_not_put_into_the_baseline(report):
    allowed = dataclasses.replace(finding(), allowed="known upstream")

    assert updated(Baseline(), report(case(allowed))).cases["cases/decoder.py"].findings == ()


def test_an_update_takes_out_what_is_gone_and_keeps_what_it_knows_nothing_of(report):
    others = case(finding("SG301"), target="cases/other.py")
    broken = case(finding("SG302"), target="cases/broken.py")
    before = updated(Baseline(), report(case(finding(), finding("SG204")), others, broken))

    after = updated(before, report(case(finding()), case(target="cases/broken.py", status=Status.FAILED)))

    assert {target: [one.rule for one in each.findings] for target, each in after.cases.items()} == {
        "cases/decoder.py": ["SG101"],
        "cases/other.py": ["SG301"],
        "cases/broken.py": ["SG302"],
    }


def test_an_update_with_some_rules_keeps_what_the_others_found(report):
    before = updated(Baseline(), report(case(finding(), finding("SG204"))))

    after = updated(before, report(case(finding("SG401"))), all_rules=False)

    assert [one.rule for one in after.cases["cases/decoder.py"].findings] == ["SG101", "SG204", "SG401"]


def test_a_case_without_a_result_is_left_as_it_is(report):
    accepted = updated(Baseline(), report(case(finding()), case(target="cases/other.py")))
    failed = case(status=Status.FAILED)

    assert applied(accepted, report(failed)).cases == (failed,)


def test_a_new_case_beside_known_ones_is_new_altogether(report):
    accepted = updated(Baseline(), report(case(finding())))

    seen = applied(accepted, report(case(finding()), case(finding(), target="cases/new.py")))

    assert [one.allowed is None for one in seen.findings] == [False, True]


def test_a_baseline_of_other_targets_is_refused(report):
    accepted = updated(Baseline(), report(case(finding())))

    with pytest.raises(UsageError) as caught:
        applied(accepted, report(case(target="cases/other.py")))

    assert str(caught.value) == (
        "the baseline is about cases/decoder.py, and cases/other.py was analysed\n"
        "  hint: run in the directory in which the baseline was made, or add the targets with --update-baseline"
    )
