// The editor: a textarea over a coloured copy of its text.

const WORDS = new Set((
  "add all alter analyze and any array as asc begin between both by cascade case cast check collate column commit " +
  "conflict constraint copy create cross current_date current_timestamp current_user database default delete desc " +
  "distinct do drop else end escape except execute exists explain false fetch filter first following for foreign from " +
  "full function grant group having if ilike in index inner insert intersect into is join key last lateral left like " +
  "limit listen lock materialized merge natural not nothing notify null nulls of offset on only or order outer over " +
  "partition policy preceding prepare primary privileges procedure range recursive references refresh release returning " +
  "revoke right role rollback row rows savepoint schema security select sequence set show some table temporary then to " +
  "transaction true truncate type union unique update user using vacuum values view when where window with work"
).split(" "));
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*'?|\$(\w*)\$[\s\S]*?(?:\$\3\$|$))|("(?:[^"]|"")*"?)|(\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)/g;

export class Editor {
  constructor(area, copy) {
    this.area = area;
    this.copy = copy;
    this.mark = null;
    area.addEventListener("input", () => { this.mark = null; this.paint(); });
    area.addEventListener("scroll", () => { copy.scrollTop = area.scrollTop; copy.scrollLeft = area.scrollLeft; });
    this.paint();
  }

  get text() { return this.area.value; }

  set text(value) { this.area.value = value; this.mark = null; this.paint(); }

  // The selected part, or all of it; and where it begins.
  get chosen() {
    const { selectionStart: from, selectionEnd: to, value } = this.area;
    return to > from && value.slice(from, to).trim() ? { text: value.slice(from, to), from } : { text: value, from: 0 };
  }

  // Underlines the word at a position, counted in characters from 1.
  markError(position, from) {
    const points = Array.from(this.area.value.slice(from));
    const at = from + points.slice(0, position - 1).join("").length;
    const word = /^[\w$\u0080-\uffff]+|^[\s\S]/.exec(this.area.value.slice(at));
    this.mark = word ? [at, at + word[0].length] : null;
    this.paint();
  }

  paint() {
    const text = this.area.value, parts = document.createDocumentFragment();
    let at = 0;
    const add = (from, to, kind) => {
      for (const [start, end, marked] of this.#cut(from, to)) {
        if (start === end) continue;
        if (!kind && !marked) { parts.append(text.slice(start, end)); continue; }
        const span = document.createElement("span");
        span.className = [kind, marked ? "e" : ""].filter(Boolean).join(" ");
        span.textContent = text.slice(start, end);
        parts.append(span);
      }
    };
    for (const found of text.matchAll(TOKEN)) {
      const [all, note, string, , , number, word] = found;
      const kind = note ? "c" : string ? "s" : number ? "n" : word && WORDS.has(word.toLowerCase()) ? "w" : "";
      add(at, found.index, "");
      add(found.index, found.index + all.length, kind);
      at = found.index + all.length;
    }
    add(at, text.length, "");
    parts.append("\n");
    this.copy.replaceChildren(parts);
    this.copy.scrollTop = this.area.scrollTop;
  }

  #cut(from, to) {
    if (!this.mark || this.mark[1] <= from || this.mark[0] >= to) return [[from, to, false]];
    const start = Math.max(from, this.mark[0]), end = Math.min(to, this.mark[1]);
    return [[from, start, false], [start, end, true], [end, to, false]];
  }
}
