// usage: node check.mjs OUT
// Of a built site: every link leads to a page and a heading that is there, and a browser that shows it asks no other host for anything.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, extname, join, relative, resolve } from 'node:path'

const out = resolve(process.argv[2])
const files = readdirSync(out, { recursive: true }).map(String).filter((f) => extname(f))
const text = (file) => readFileSync(join(out, file), 'utf8')
const html = files.filter((f) => f.endsWith('.html'))
const ids = new Map(html.map((f) => [f, new Set([...text(f).matchAll(/ id="([^"]+)"/g)].map((m) => decoded(m[1])))]))
const problems = new Set()

for (const page of html) {
    for (const [, tag, attributes] of text(page).matchAll(/<(a|link|script|img|iframe|source)\b([^>]*)>/g)) {
        const target = decoded(/ (?:href|src)="([^"]*)"/.exec(attributes)?.[1] ?? '')
        if (/^(https?:)?\/\//.test(target)) {
            if (tag !== 'a') problems.add(`${page}: <${tag}> is fetched from ${target}`)
        } else if (target && !/^[a-z]+:/.test(target)) {
            follow(page, target)
        }
    }
}
for (const style of files.filter((f) => f.endsWith('.css'))) {
    for (const [, target] of text(style).matchAll(/(?:url\(|@import )["']?((?:https?:)?\/\/[^"')]+)/g)) {
        problems.add(`${style}: fetched from ${target}`)
    }
}

if (problems.size > 0) {
    console.error([...problems].slice(0, 60).join('\n'))
    process.exit(1)
}
console.log(`${html.length} pages; every link leads to a page and heading that is there; nothing is fetched from elsewhere`)

function follow(page, target) {
    const [path, anchor] = target.split('#')
    let file = path === '' ? page : path.startsWith('/') ? path.slice(1) : relative(out, resolve(out, dirname(page), path))
    file = decodeURIComponent(file)
    if (file === '' || file.endsWith('/')) file += 'index.html'
    if (!existsSync(join(out, file))) problems.add(`${page}: (${target}): there is no ${file}`)
    else if (anchor && ids.has(file) && !ids.get(file).has(decodeURIComponent(anchor))) {
        problems.add(`${page}: (${target}): ${file} has no such heading`)
    }
}

function decoded(value) {
    return value.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
}
