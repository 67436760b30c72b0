// The slider of windows: drag in time, arrow keys; the window's part of the page is fetched and the charts stay.
"use strict";
(() => {
  // what takes a moment is fetched when somebody opens it
  async function load(place) {
    const words = place.querySelector("p");
    try {
      await window.driftsum.fetched(words, place.dataset.load);
    } catch {
      words.textContent = "The detector's evidence could not be fetched.";
    }
  }

  for (const place of document.querySelectorAll("details[data-load]")) {
    place.addEventListener("toggle", () => { if (place.open) load(place); }, { once: true });
  }
})();
(() => {
  const form = document.querySelector("form.slider");
  if (!form) return;
  const range = form.querySelector('input[type="range"]'), list = form.querySelector("select");
  form.querySelector(".without-script").hidden = true;
  range.hidden = false;
  let asked = 0, running = null;

  // the list has the newest first, the slider the oldest
  const option = () => list.options[list.options.length - 1 - Number(range.value)];

  function swap(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    document.getElementById("at-says").replaceWith(page.getElementById("at-says"));
    for (const fresh of page.querySelectorAll("figure[data-chart]")) window.driftsum.replace(fresh);
  }

  async function show() {
    const id = option().value;
    list.value = id;
    range.setAttribute("aria-valuetext", option().textContent);
    running?.abort();
    running = new AbortController();
    const mine = ++asked;
    try {
      const answer = await fetch(`${form.dataset.partial}&at=${id}`, { headers: { "HX-Request": "true" }, signal: running.signal });
      if (answer.status === 401) { location.reload(); return; }
      const text = await answer.text();
      if (mine !== asked) return;
      if (!answer.ok) throw new Error(String(answer.status));
      swap(text);
    } catch (error) {
      if (error.name !== "AbortError") window.driftsum.say("This window could not be fetched.");
    }
    const here = new URL(location.href);
    here.searchParams.set("at", id);
    history.replaceState(null, "", here);
  }

  let waiting = 0;
  range.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 40); });
  list.addEventListener("change", () => {
    range.value = String(list.options.length - 1 - list.selectedIndex);
    show();
  });
  range.setAttribute("aria-valuetext", option().textContent);
})();
