/** How bright a channel is. WCAG 2.2 "relative luminance". */
function linear (channel: number): number {
  const share = channel / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}

function luminance (color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map(start => linear(parseInt(color.slice(start, start + 2), 16)))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/**
 * The colour of a text that can be read on this one: black or white, whichever contrasts more, which is 4.58 at least.
 *
 * @param color as `#rrggbb`
 * @see [WCAG 2.2 §1.4.3](https://www.w3.org/TR/WCAG22/#contrast-minimum)
 */
export function readableOn (color: string): '#000000' | '#ffffff' {
  const background = luminance(color)
  const [onWhite, onBlack] = [1.05 / (background + 0.05), (background + 0.05) / 0.05]
  return onWhite >= onBlack ? '#ffffff' : '#000000'
}

/** The stylesheet of all pages: no directions but start and end, no sizes but those of the text. */
export function styleOf (accentColor: string, css: string): string {
  return `
:root { color-scheme: light dark; --accent: ${accentColor}; --on-accent: ${readableOn(accentColor)}; --page: #f3f4f6; --card: #ffffff; --text: #161a22;
  --quiet: #525a68; --line: #c9ced6; --notice: #fff4de; --notice-line: #a14f04; --done: #e7f5ea; --done-line: #1d6b34; font: 1rem/1.5 system-ui, sans-serif }
@media (prefers-color-scheme: dark) { :root { --page: #101318; --card: #1a1e25; --text: #eceef2; --quiet: #aab1be; --line: #434a56; --notice: #33260f;
  --notice-line: #f2b45c; --done: #14301d; --done-line: #7dd196 } }
* { box-sizing: border-box }
body { margin: 0; padding: 1.5rem clamp(.5rem, 3vw, 1rem) 3rem; background: var(--page); color: var(--text); overflow-wrap: anywhere }
header, main, footer { max-width: 34rem; margin: 0 auto }
header { display: flex; align-items: center; gap: .75rem; padding-block: 0 1rem; font-weight: 600 }
header img { max-height: 2.5rem; max-width: 10rem }
main { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.5rem clamp(1rem, 5vw, 1.5rem) }
footer { padding-block: 1rem; color: var(--quiet); font-size: .875rem }
.wide header, .wide main, .wide footer { max-width: 56rem }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .75rem }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem }
p { margin: .75rem 0 }
a { color: inherit }
dl { margin: 1rem 0 }
dt { color: var(--quiet); font-size: .875rem; margin-block-start: .75rem }
dd { margin: 0 }
ul { list-style: disc; margin: .25rem 0; padding-inline-start: 1.25rem }
.who { display: flex; align-items: center; gap: 1rem; margin-block-end: .75rem }
.who h1 { margin: 0 }
.who img, .monogram { flex: none; width: 3rem; height: 3rem; border-radius: .75rem; border: 1px solid var(--line); object-fit: contain }
.monogram { display: grid; place-items: center; font-size: 1.4rem; font-weight: 600; color: var(--quiet) }
.quiet { color: var(--quiet) }
.notice, .done { border-inline-start: .3rem solid var(--notice-line); background: var(--notice); padding: .6rem .9rem; border-radius: .25rem }
.done { border-color: var(--done-line); background: var(--done) }
.tag { border: 1px solid currentcolor; border-radius: 1rem; padding: 0 .5rem; font-size: .8rem; white-space: nowrap }
.buttons { display: grid; gap: .75rem; margin-block-start: 1.25rem }
button, .button { display: flex; align-items: center; justify-content: center; gap: .75rem; width: 100%; min-height: 3rem; padding: .6rem clamp(.5rem, 2vw, 1rem); font: inherit;
  font-weight: 600; text-align: center; border: 1px solid var(--quiet); border-radius: .6rem; background: none; color: inherit; text-decoration: none; cursor: pointer }
button.go, .button.go { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
button svg { flex: none; width: 1.5rem; height: 1.5rem; padding: .15rem; background: #ffffff; color: #161a22; border-radius: .3rem }
.small button, .small .button { width: auto; min-height: 2.25rem; padding: .25rem .75rem; font-weight: 400 }
.small { display: flex; flex-wrap: wrap; gap: .5rem; margin-block: .5rem }
:focus-visible { outline: .2rem solid currentcolor; outline-offset: .15rem }
label { display: block; margin-block: .75rem .25rem }
label.inline { display: flex; align-items: center; gap: .5rem }
input:not([type=checkbox]), textarea, select { width: 100%; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--quiet); border-radius: .4rem; padding: .5rem .6rem }
.rows { list-style: none; margin: 1rem 0; padding: 0; border-block-start: 1px solid var(--line) }
.rows > li { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; padding-block: .6rem; border-block-end: 1px solid var(--line) }
.cards { list-style: none; margin: 1rem 0; padding: 0 }
.cards > li { border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; margin-block-end: 1rem }
.cards h2 { margin-block-start: 0 }
nav ul { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; list-style: none; margin: 0 0 1.25rem; padding: 0; border-block-end: 1px solid var(--line) }
nav a { display: block; padding-block: .4rem .6rem; text-decoration: none }
nav [aria-current] { font-weight: 600; padding-block-end: .4rem; border-block-end: .2rem solid currentcolor }
.events > li { display: block }
.events dl { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; margin: .15rem 0 0 }
.events dl > div { font-size: .875rem }
.events dt, .events dd { display: inline; margin: 0 }
.events dt, .events time { margin-inline-end: .4rem }
.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin-block: 1rem }
.search label { flex: 1 1 12rem; margin: 0 }
.filters label { flex-basis: 15rem }
.search button { flex: none; width: auto; min-height: 2.6rem; padding-block: .25rem; border-radius: .4rem }
.end { border-block-start: 1px solid var(--line); margin-block-start: 2rem; padding-block-start: .5rem }
.wide .buttons { max-width: 26rem }
@media (min-width: 36rem) {
  .facts, .cards dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .35rem 1.25rem }
  .facts > dt, .cards dt { margin: 0; padding-block-start: .1rem }
  .facts ul, .cards dd ul { margin: 0; padding: 0; list-style: none }
  .wide .rows > li > a { flex: 0 1 18rem }
}
${css}`
}
