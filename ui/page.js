// The behaviour of every part of a page that is our own HTML. Gradio compiles it for each of them:
// `element` is the part, and `trigger` tells the server, as a click with what was clicked.

const tell = (control) => {
  const told = { ...control.dataset };
  const fields = control.form ?? control.closest("form");
  for (const field of fields?.elements ?? []) {
    if (field.name) told[field.name] = field.value;
  }
  trigger("click", told);
};

let pressed;
element.addEventListener("click", (event) => {
  const control = event.target.closest("[data-do]");
  if (!control || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  control.closest("[popover]")?.hidePopover();
  pressed = control;
  tell(control);
});

// Enter in a field of such a form clicks its button; the form itself is never sent.
element.addEventListener("submit", (event) => {
  if (event.target.querySelector("[data-do]")) event.preventDefault();
});

let typing;
element.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.dataset?.typed) return;
  clearTimeout(typing);
  typing = setTimeout(() => trigger("click", { do: field.dataset.typed, value: field.value }), 250);
});

element.addEventListener("change", (event) => {
  const field = event.target;
  if (!field.dataset?.changed) return;
  pressed = field;
  trigger("click", { do: field.dataset.changed, value: field.value });
});

// What the server sends may say where to look and what the page's address is.
const arrived = () => {
  const mark = element.querySelector("mark.current");
  const text = mark?.closest(".text");
  if (text) {
    const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
    text.scrollTop += above - text.clientHeight / 3;
    if (text.getBoundingClientRect().top > innerHeight * 0.8) text.scrollIntoView();
  }
  const addressed = element.querySelector("[data-address]");
  if (addressed && addressed.dataset.address !== location.pathname + location.search) {
    history.pushState(null, "", addressed.dataset.address);
    addressed.parentElement.scrollIntoView();
  }
  const end = element.querySelector("[data-at-end]");
  if (end) {
    // Of what is taller than its place the beginning counts.
    const room = end.closest("#log")?.clientHeight ?? innerHeight;
    end.scrollIntoView({ block: end.offsetHeight > room ? "start" : "end" });
  }
  const focus = element.querySelector("[data-focus]");
  if (focus) focus.focus();
  // A control that has an id keeps the focus when it comes anew.
  const lost = pressed?.id && !pressed.isConnected && document.activeElement === document.body;
  if (lost) element.querySelector(`#${CSS.escape(pressed.id)}`)?.focus();
};
new MutationObserver(arrived).observe(element, {
  childList: true, subtree: true, attributeFilter: ["class", "data-address"],
});

addEventListener("popstate", () => {
  const addressed = element.querySelector("[data-address]");
  if (addressed && addressed.dataset.address !== location.pathname + location.search) {
    const id = new URLSearchParams(location.search).get("conversation") ?? "";
    trigger("click", { do: "open", id });
  }
});
