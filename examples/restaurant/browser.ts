import { localhostAllowedHostnames } from '@modelcontextprotocol/server'

export interface Page {
  url: URL
  title: string
  html: string
}

function attribute (tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value?.replaceAll('&quot;', '"').replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll('&amp;', '&')
}

/** As much of a browser as a sign-in without scripts needs. It goes nowhere but to this machine. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>()

  /** Opens a page, through redirects and refreshes. */
  async open (url: URL, form?: URLSearchParams): Promise<Page> {
    if (!localhostAllowedHostnames().includes(url.hostname)) {
      throw new Error(`The sign-in leads to ${url.host}, where only you can go: connect with a client that opens your browser`)
    }
    const cookies = this.#cookies.get(url.hostname) ?? new Map<string, string>()
    this.#cookies.set(url.hostname, cookies)
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...form && { origin: url.origin } },
      ...form && { method: 'POST', body: form }
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const html = await response.text()
    const refresh = attribute(/<meta http-equiv="refresh"[^>]*>/.exec(html)?.[0] ?? '', 'content')
    const next = response.headers.get('location') ?? refresh?.replace(/^\d+; *url=/, '')
    if (next !== undefined) return await this.open(new URL(next, url))
    return { url, title: /<title>([^<]*)/.exec(html)?.[1] ?? '', html }
  }

  /** Fills in nothing and presses the first button of the page's form. */
  async submit ({ url, html, title }: Page): Promise<Page> {
    const [form] = /<form[^]*<\/form>/.exec(html) ?? []
    if (form === undefined) throw new Error(`The sign-in ended at a page without a form: ${title}`)
    const [button = ''] = /<button[^>]*>/.exec(form) ?? []
    const fields = new URLSearchParams()
    for (const tag of [...form.match(/<input[^>]*>/g) ?? [], button]) {
      const name = attribute(tag, 'name')
      if (name !== undefined) fields.set(name, attribute(tag, 'value') ?? '')
    }
    return await this.open(new URL(attribute(button, 'formaction') ?? attribute(form, 'action') ?? url, url), fields)
  }
}
