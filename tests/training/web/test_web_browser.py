"""The history page in a real browser: search, filters, comparison, a live run, and replays."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import environment
from tests.training.forked import Forker
from tests.training.web.browser import BROWSER_TESTS, shot, until
from tests.training.web.page import Page, make_run, serving

pytestmark = BROWSER_TESTS


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs: three seeds of one agent, and another whose description is markup."""
    folder = tmp_path_factory.mktemp("browser") / "runs"
    for seed in range(3):
        make_run(folder, f"seed-{seed}", agent_id="explorer", seed=seed, tags=["seeds"])
    make_run(
        folder, "other", agent_id="fighter", status="stopped", description="<script>alert(1)</script>",
        rewards={"battle_win": 3.0},
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def page(root: Path) -> Iterator[Page]:
    """The page with these runs."""
    with serving(root) as served:
        served.until_listed("seed-2")  # runs are imported by name
        yield served


def listed(tab: Any) -> list[str]:
    return [str(text) for text in tab.locator(".runs tbody th > a:first-child").all_inner_texts()]


def test_find_select_and_compare_three_runs(tab: Any) -> None:
    tab.goto("/training")
    assert sorted(listed(tab)) == ["other", "seed-0", "seed-1", "seed-2"]
    shot(tab, "list")
    tab.keyboard.press("/")  # by keyboard alone
    tab.keyboard.type("explorer")
    until(tab, "document.querySelectorAll('.runs tbody tr').length === 3")
    assert "q=explorer" in tab.url
    for name in ("seed-0", "seed-1", "seed-2"):
        tab.get_by_label(f"Select {name}").focus()
        tab.keyboard.press("Space")
    tab.fill("[name=q]", "")
    until(tab, "document.querySelectorAll('.runs tbody tr').length === 4")
    assert tab.inner_text("#count") == "3 runs selected"
    assert tab.get_by_label("Select seed-1").is_checked()
    tab.click("#compare")
    tab.wait_for_selector("figure[data-series='3'] canvas")
    assert "3 runs" in tab.inner_text("h1")
    big = tab.locator("figure.big")
    assert "seed-2" in big.inner_text()
    assert "seed-2" in big.locator(".plot").get_attribute("aria-label")
    shot(tab, "compare")
    tab.check("#bands")  # one line with a band instead of three seeds
    until(tab, "document.querySelector('figure.big .u-legend').innerText.includes('explorer (3)')")
    tab.check("#log")
    tab.select_option("#by", "seconds")
    tab.locator("#smooth").fill("0.6")
    until(tab, "document.querySelector('figure.big .u-legend').innerText.includes('hours')")
    tab.select_option("#key", "reward_components/battle")
    until(tab, "document.querySelector('figure.big figcaption').innerText.includes('battle')")
    shot(tab, "compare-bands")


def test_sort_by_a_column_and_filter_by_status(tab: Any) -> None:
    tab.goto("/training")
    tab.click("thead >> text=Run")
    tab.wait_for_selector("th[aria-sort=ascending], th[aria-sort=descending] >> text=Run")
    first = listed(tab)
    tab.keyboard.press("Enter")  # the heading keeps the focus, so that the next press reverses the order
    until(tab, "first => document.querySelector('.runs tbody th a').innerText !== first", arg=first[0])
    assert listed(tab) == first[::-1]
    tab.select_option("[name=status]", "stopped")
    until(tab, "document.querySelectorAll('.runs tbody tr').length === 1")
    assert listed(tab) == ["other"]


def test_bands_cover_the_steps_that_all_curves_have(tab: Any) -> None:
    tab.goto("/training/compare?run=seed-0&run=seed-1")
    rising, late = {"x": [0, 2, 4], "y": [1, 3, 5]}, {"x": [0, 1, 3, 6], "y": [None, 4, 4, 4]}
    found = tab.evaluate("curves => Curves.band(curves)", [rising, late, {"x": [2], "y": [None]}])
    assert found == {"x": [1, 2, 3, 4], "mean": [3, 3.5, 4, 4.5], "low": [2, 3, 4, 4], "high": [4, 4, 4, 5]}


@pytest.mark.parametrize("tab", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_a_narrow_list_can_be_sorted(tab: Any) -> None:
    tab.goto("/training")
    tab.get_by_label("Sort by").select_option("name")
    tab.get_by_label("Order").select_option("asc")
    until(tab, "document.querySelector('.runs tbody th a').innerText === 'other'")
    assert listed(tab) == ["other", "seed-0", "seed-1", "seed-2"]


def test_a_chart_can_be_read_by_keyboard(tab: Any) -> None:
    tab.goto("/training/run/seed-0")
    tab.wait_for_selector("figure[data-title='KL divergence'] canvas")
    tab.locator("figure[data-title='KL divergence'] .plot").focus()
    legend = "document.querySelector('figure[data-title=\"KL divergence\"] .u-legend').innerText"
    frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for _ in range(3):
        tab.evaluate(frame)  # late drawing or resizing removes the cursor
        tab.keyboard.press("ArrowRight")
    # The third of its points, which are 204.8 steps apart; the first update has no value, and so no point.
    until(tab, f"{legend}.includes('819')")
    assert "0.04" in tab.evaluate(legend)


@pytest.mark.parametrize(
    "tab",
    [
        {"color_scheme": "dark", "viewport": {"width": 1300, "height": 900}},
        {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    ],
    indirect=True,
    ids=["dark", "narrow"],
)
def test_pages_fit_dark_and_narrow_screens(tab: Any, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.id
    for name, path in (("list", ""), ("run", "/run/other"), ("compare", "/compare?run=seed-0&run=other")):
        tab.goto(f"/training{path}")
        if name != "list":
            # On a narrow screen a run's charts are on another tab.
            tab.wait_for_selector("figure[data-points='99'] canvas", state="attached")
        shot(tab, f"{name}-{kind}")
        wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, name
    ground = "getComputedStyle(document.body).backgroundColor"
    before = tab.evaluate(ground)
    assert before == ("rgb(18, 22, 20)" if kind == "dark" else "rgb(245, 246, 244)")
    tab.click("#theme")
    assert tab.evaluate(ground) != before


def test_the_index_of_a_run_stays_in_sight(tab: Any) -> None:
    tab.goto("/training/run/seed-0")
    tab.wait_for_selector("figure[data-title='KL divergence'] canvas")
    tab.click("#index >> text=Config")
    until(tab, "document.querySelector('#index [aria-current]').innerText === 'Config'")
    assert tab.evaluate("document.getElementById('index').getBoundingClientRect().top") == 0
    order = tab.evaluate("[...document.querySelectorAll('.part')].map((part) => part.id)")
    assert order == ["overview", "learning", "where", "replays", "more", "config"]


@pytest.mark.parametrize("tab", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_on_a_phone_the_index_is_tabs(tab: Any) -> None:
    tab.goto("/training/run/seed-0")
    assert tab.locator("#live").is_visible()
    assert not tab.locator("#learning").is_visible()
    tab.click("#index >> text=Learning")
    tab.wait_for_selector("figure[data-title='KL divergence'] canvas")
    assert not tab.locator("#live").is_visible()
    until(tab, "document.querySelector('figure.chart .u-wrap').offsetWidth > 250")
    shot(tab, "run-learning-narrow")
    tab.click("#index >> text=Maps")
    assert tab.locator("#where").is_visible()


def test_evaluations_and_rewards_are_compared(tab: Any) -> None:
    tab.goto("/training/compare?run=seed-0&run=other")
    assert tab.locator(".notice:has-text('rewards of these runs differ')").count() == 1
    assert "5 (4–6)" in tab.locator("[aria-label='Newest evaluations']").inner_text()
    tab.goto("/training/compare?run=seed-0&run=seed-1")
    assert tab.locator(".notice").count() == 0


def test_trails_do_not_lead_through_walls(tab: Any) -> None:
    """Pixels of a trail halfway between two places: within a room, and from it to the room beside it."""
    tab.goto("/training/run/seed-0")
    found = tab.evaluate(
        """() => {
            const room = (map_id, left, outside) => ({ map_id, left, top: 0, width: 8, height: 8, outside });
            const drawn = (outside, trail) => {
                const canvas = document.createElement("canvas");
                const maps = [room(1, 0, outside), room(2, 12, outside)];
                const [map, x, y] = trail[1];
                const one = { map, x, y, battle: false, trail: [trail[0]] };
                WorldMap.draw(canvas, "seed-0", { maps, heat: [], environments: [one], scale: 8 }, () => {});
                const [from, to] = trail.map(([map, x, y]) => [(map === 2 ? 12 : 0) + x, y]);
                const middle = [0, 1].map((at) => 8 * ((from[at] + to[at] + 1) / 2));
                return canvas.getContext("2d").getImageData(...middle, 1, 1).data[3] > 0;
            };
            const through = [[1, 7, 4], [2, 0, 4]];
            return [drawn(false, [[1, 1, 4], [1, 7, 4]]), drawn(false, through), drawn(true, through)];
        }"""
    )
    assert found == [True, False, True]


def test_tags_are_saved(tab: Any, root: Path) -> None:
    tab.goto("/training/run/other")
    assert "<script>alert(1)</script>" in tab.inner_text(".description")
    tab.fill("#tags input", "odd, kept for later")
    tab.click("#tags button")
    tab.wait_for_selector("#tags [role=status]:has-text('saved')")
    tab.goto("/training?tag=kept+for+later")
    assert listed(tab) == ["other"]


def test_a_curve_grows_while_a_run_trains_and_its_episode_is_replayed(
    tab: Any, page: Page, root: Path, tiny: Path, forker: Forker
) -> None:
    flags = ("--config", tiny, "--run-name", "live", "--total-steps", 1_000_000)
    training = forker.start(*flags, environment=environment(root))
    try:
        page.until_listed("live", 120)
        tab.goto("/training/run/live")
        kl = "figure[data-title='KL divergence']"
        tab.wait_for_selector(f"{kl} canvas")
        assert tab.inner_text("#live .pill") == "running"
        before = int(tab.get_attribute(kl, "data-points"))
        until(
            tab,
            "([kl, before]) => Number(document.querySelector(kl).dataset.points) > before",
            arg=[kl, before],
        )
        canvas = "document.getElementById('livemap-canvas')"
        until(tab, f"{canvas}.dataset.environments === '2'")
        steps = tab.evaluate(f"{canvas}.dataset.steps")
        until(tab, f"steps => {canvas}.dataset.steps !== steps", arg=steps)
        until(tab, f"{canvas}.width >= 8 * 8")
        until(tab, f"{canvas}.dataset.heat > 0")
        shot(tab, "running")
        tab.set_viewport_size({"width": 360, "height": 740})
        tab.click("#index >> text=Maps")
        assert tab.locator("#livemap-canvas").is_visible()
        shot(tab, "running-maps-narrow")
        tab.set_viewport_size({"width": 1300, "height": 900})
    finally:
        training.kill(signal.SIGTERM)
        training.wait()
    tab.wait_for_selector("#live .pill:has-text('stopped')")
    assert "SIGTERM" in tab.inner_text("#live .line")
    tab.locator(".watch").first.press("Enter")
    tab.wait_for_selector("video:focus", timeout=90_000)
    played = tab.evaluate(
        """async () => {
            const video = document.querySelector("video");
            video.muted = true;
            await video.play();
            while (video.currentTime < 0.5) await new Promise((done) => setTimeout(done, 50));
            return [video.videoWidth, video.videoHeight, video.error && video.error.message];
        }"""
    )
    assert played[0] == 3 * 160, "scale 3"
    assert played[1] >= 144
    assert played[2] is None
    tab.click("[data-speed='16']")
    assert tab.evaluate("document.querySelector('video').playbackRate") == 16
    wide = "element => document.querySelector(element).offsetWidth"
    assert tab.evaluate(wide, "video") > 0.9 * tab.evaluate(wide, "#episodes")
    shot(tab, "replay")
    assert list((root / "live" / "replays").glob("*.mp4"))
