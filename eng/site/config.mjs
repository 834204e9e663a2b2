// VitePress' configuration. It is copied beside the pages that pages.mjs made.
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { defineConfig } from 'vitepress'

const pages = join(dirname(fileURLToPath(import.meta.url)), '..')
const { sidebar } = await import(pathToFileURL(process.env.SITE_PLACES).href)

// As GitHub makes them, and DocReferencesTests: a link works in both.
const slug = (text) => text.trim().toLowerCase().replace(/[^\p{L}\p{Nd}\-_ ]/gu, '').replaceAll(' ', '-')

// The one piece of HTML that pages have: <a id="…"></a>, a place to link to.
function anchor(state, silent) {
    const found = /^<a id="([a-z0-9-]+)"><\/a>/.exec(state.src.slice(state.pos, state.pos + 80))
    if (!found) return false
    if (!silent) state.push('anchor', 'a', 0).attrSet('id', found[1])
    state.pos += found[0].length
    return true
}

export default defineConfig({
    title: 'Overture',
    description: 'Launches cloud instances that become Puppet-managed nodes by themselves',
    cleanUrls: false,
    ignoreDeadLinks: [/^https:\/\/localhost/], // the console's own address
    lastUpdated: false,
    markdown: {
        // Pages are Markdown alone: <NAME> is a placeholder, {{field}} a template's, and only what says that it is a link is one.
        html: false,
        linkify: false,
        config: (md) => {
            md.inline.ruler.before('autolink', 'anchor', anchor)
            md.renderer.rules.anchor = (tokens, i) => `<a id="${tokens[i].attrGet('id')}"></a>`
            for (const rule of ['text', 'code_inline']) {
                const plain = md.renderer.rules[rule]
                md.renderer.rules[rule] = (...args) => plain(...args).replaceAll('{{', '&#123;&#123;')
            }
        },
        anchor: { slugify: slug },
        toc: { slugify: slug },
        headers: { slugify: slug },
        attrs: { disable: true },
        languageAlias: { proto3: 'proto' },
    },
    themeConfig: {
        nav: [
            { text: 'Tutorials', link: '/tutorials/01-first-instance' },
            { text: 'Operations', link: '/operations' },
            { text: 'Options', link: '/options' },
            { text: 'API', link: '/rpcs' },
        ],
        sidebar: sidebar(pages),
        outline: { level: [2, 3] },
        search: { provider: 'local', options: { miniSearch: { searchOptions: { boost: { title: 4, text: 2, titles: 1 } } } } },
        docFooter: { prev: 'Before', next: 'Next' },
    },
})
