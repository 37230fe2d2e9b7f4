// Keeps in view what grows above the box at the foot of the page, until the person scrolls away.

const GAP_PX = 24;

/** Follows one element at a time. */
export class Following {
  /** @param {HTMLElement} box What lies over the foot of the page. */
  constructor(box) {
    this.box = box;
    this.element = null;
    this.top = 0;
    this.measure = new ResizeObserver(() => this.tellHeight());
    this.measure.observe(box);
    this.scrolled = () => this.look();
    addEventListener("scroll", this.scrolled, { passive: true });
  }

  tellHeight() {
    document.documentElement.style.setProperty("--box-height", `${this.box.offsetHeight}px`);
  }

  /** End for good. */
  end() {
    this.measure.disconnect();
    removeEventListener("scroll", this.scrolled);
  }

  /**
   * Bring an element to the top of the page as far as that goes, and follow it from now on.
   *
   * @param {HTMLElement | null} element
   */
  begin(element) {
    this.element = element;
    this.wanted = true;
    this.tellHeight(); // it may have become lower just now
    if (element) this.move(element.getBoundingClientRect().top - GAP_PX);
    this.grown();
  }

  /** More of it has come. */
  grown() {
    if (this.element?.isConnected && this.wanted) this.move(Math.max(0, this.hidden(this.element)));
  }

  /**
   * All of it has come: it is seen from its beginning where it fits, and if it does not, so much
   * of it as `first` is the last of.
   *
   * @param {Element | null} first
   */
  finished(first) {
    if (!this.element?.isConnected || !this.wanted) return;
    const top = this.element.getBoundingClientRect().top - GAP_PX;
    const least = first ? this.hidden(first) : 0;
    this.move(Math.max(Math.min(this.hidden(this.element), top), least, 0));
    this.element = null;
  }

  /** By how much the end of an element lies behind the box, in pixels; negative above it. */
  hidden(element) {
    return element.getBoundingClientRect().bottom + GAP_PX - this.box.getBoundingClientRect().top;
  }

  move(by) {
    if (Math.abs(by) >= 1) scrollBy({ top: by, behavior: "instant" });
    this.top = scrollY;
  }

  /** Who scrolls up wants to read there; who comes down to the end wants to follow again. */
  look() {
    const atEnd = scrollY >= document.documentElement.scrollHeight - innerHeight - 1;
    if (scrollY < this.top - 1 && !atEnd) this.wanted = false;
    else if (scrollY > this.top && this.element && this.hidden(this.element) <= GAP_PX)
      this.wanted = true;
    this.top = scrollY;
  }
}
