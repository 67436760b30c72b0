// Every page: the theme, and what htmx and forms say.
"use strict";
(() => {
  const root = document.documentElement;
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefers.matches);

  function showTheme(button) {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${dark() ? "light" : "dark"} theme`);
  }

  function changed() {
    document.dispatchEvent(new CustomEvent("driftsum:theme"));
  }

  function theme() {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    showTheme(button);
    button.addEventListener("click", () => {
      const wanted = dark() ? "light" : "dark";
      root.dataset.theme = wanted;
      // the server writes it into the page, so that nothing flashes
      document.cookie = `driftsum-theme=${wanted}; path=/; max-age=31536000; samesite=strict`;
      showTheme(button);
      changed();
    });
    prefers.addEventListener("change", () => { showTheme(button); changed(); });
  }

  function say(text) {
    const place = document.getElementById("said");
    if (!place) return;
    place.textContent = text;
    setTimeout(() => { if (place.textContent === text) place.textContent = ""; }, 8000);
  }

  function failures() {
    document.addEventListener("htmx:responseError", (event) => {
      const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
      say(page.querySelector(".problem h1 + p")?.textContent || `The service answered ${event.detail.xhr.status}.`);
    });
    document.addEventListener("htmx:sendError", () => say("The service cannot be reached."));
  }

  // Reads the page anew, but under nobody's hands: not while something is focused, open or scrolled to.
  function refresh() {
    const seconds = Number(document.body.dataset.refresh);
    if (!seconds) return;
    const busy = () => document.hidden || scrollY > 0 || document.querySelector("main details[open]")
      || document.querySelector("main :focus, .bar :focus");
    setInterval(() => { if (!busy()) location.reload(); }, seconds * 1000);
  }

  window.driftsum = { say, dark, charts: {} };
  theme();
  failures();
  refresh();
})();
