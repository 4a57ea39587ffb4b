import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { root } from './fixtures/documentation.ts'
import { play, scenes, startRestaurant, type Language, type Scene } from './fixtures/tour/index.ts'
import { smallPng } from './fixtures/tour/small-png.ts'

/** Takes the pictures of every page: `npm run screenshots`, or with the beginnings of names, `npm run screenshots consent admin`. */

const directory = join(root, 'docs/images')
const widths = { wide: 1280, narrow: 390 }
const inHebrew = ['consent', 'account', 'admin-people', 'refused-unknown-client']

const releases: Array<() => unknown> = []
const scope = { teardown: (release: () => unknown) => { releases.unshift(release) } }

/** What the page consists of, with a margin, instead of a window that is mostly empty. */
async function clip (page: Page) {
  return await page.evaluate(() => {
    const boxes = [...document.body.children].map(element => element.getBoundingClientRect())
    const left = Math.max(0, Math.min(...boxes.map(box => box.left)) - 32)
    const right = Math.min(document.documentElement.clientWidth, Math.max(...boxes.map(box => box.right)) + 32)
    return { x: left, y: 0, width: right - left, height: Math.max(...boxes.map(box => box.bottom)) + 24 }
  })
}

async function picture (page: Page, name: string): Promise<void> {
  for (const [format, width] of Object.entries(widths)) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const file = `${name}-${colorScheme}-${format}.png`
      writeFileSync(join(directory, file), smallPng(await page.screenshot({ fullPage: true, clip: await clip(page) })))
      console.log(file)
    }
  }
}

async function take (scene: Scene, language: Language, name: string): Promise<void> {
  const closing: Array<() => unknown> = []
  const { page } = await play({ teardown: release => { closing.push(release) } }, restaurant, scene, language)
  await picture(page, name)
  for (const close of closing) await close()
}

const wanted = process.argv.slice(2)
const isWanted = (name: string) => wanted.length === 0 || wanted.some(start => name.startsWith(start))

if (wanted.length === 0) rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
const restaurant = await startRestaurant(scope)
try {
  if (restaurant.chromium.skip !== false) throw new Error(restaurant.chromium.skip)
  for (const scene of scenes('en')) if (isWanted(scene.name)) await take(scene, 'en', scene.name)
  for (const scene of scenes('he')) {
    const name = `${scene.name}-hebrew`
    if (inHebrew.includes(scene.name) && isWanted(name)) await take(scene, 'he', name)
  }
} finally {
  for (const release of releases) await release()
}
