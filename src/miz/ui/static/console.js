// On narrow screens the side navigation is a strip: the screen that is shown is brought into sight in it.
const strip = document.querySelector(".side ul");
const current = strip.querySelector("[aria-current]");
if (current) strip.scrollLeft = current.getBoundingClientRect().left - strip.getBoundingClientRect().left - (strip.clientWidth - current.clientWidth) / 2;
