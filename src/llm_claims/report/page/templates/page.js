"use strict";
const form = document.querySelector("#page-filter");
const claims = [...document.querySelectorAll(".claim")].map((element) => ({
  element,
  text: element.dataset.text.toLowerCase(),
  chips: [...element.querySelectorAll(".chip")].map((chip) => ({ ...chip.dataset })),
}));
const runs = [...document.querySelectorAll(".run")].map((element) => ({ element, text: element.dataset.text.toLowerCase() }));
const sections = [...document.querySelectorAll(".section")];

function fits(chip, asked) {
  return (!asked.source || chip.source === asked.source) && (!asked.tier || chip.tier === asked.tier) &&
    (!asked.verdict || (asked.verdict === "changed" ? "departed" in chip : chip.verdict === asked.verdict)) &&
    (asked.untestable || asked.verdict === "untestable" || (chip.verdict && chip.verdict !== "untestable"));
}

function filter() {
  const asked = Object.fromEntries(new FormData(form));
  // A phrase in quotes is sought as it stands.
  const words = (asked.text.toLowerCase().match(/"[^"]+"|[^\s"]+/g) ?? []).map((word) => word.replaceAll('"', ""));
  let shown = 0;
  for (const { element, text, chips } of claims) {
    element.hidden = !(words.every((word) => text.includes(word)) && chips.some((chip) => fits(chip, asked)));
    shown += !element.hidden;
  }
  for (const { element, text } of runs) element.hidden = !words.every((word) => text.includes(word));
  for (const section of sections) section.hidden = !section.querySelector(".claim:not([hidden])");
  const left = runs.filter(({ element }) => !element.hidden).length;
  document.querySelector("#page-shown").textContent = `${shown} of ${claims.length} claims, ${left} of ${runs.length} runs`;
}

function follow() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) { form.reset(); filter(); }
  for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
  target.scrollIntoView();
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", follow);
filter();
follow();
