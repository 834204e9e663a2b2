// usage: node pages.mjs ROOT OUT
// Copies the pages of the repository into OUT as VitePress wants them. A link that leaves them (a source, an example) gets a page of its
// own below source/, so that the site is whole by itself. Facts are not touched: what is shown is what the files say.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync, copyFileSync } from 'node:fs'
import { basename, dirname, extname, join, posix } from 'node:path'
import { places, pageOf, titleOf } from './places.mjs'

const [root, out] = process.argv.slice(2)
const tracked = new Set(execFileSync('git', ['-C', root, 'ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' }).trim().split('\n'))
const shown = new Set() // files and folders that get a page below source/
const languages = {
    '.cs': 'csharp', '.sh': 'sh', '.yaml': 'yaml', '.yml': 'yaml', '.proto': 'proto', '.pp': 'puppet', '.json': 'json', '.rb': 'ruby',
}

for (const page of places(tracked)) write(page.to, rewritten(page.from, readFileSync(join(root, page.from), 'utf8')))
for (const image of [...tracked].filter((f) => f.startsWith('docs/images/'))) {
    mkdirSync(join(out, 'images'), { recursive: true })
    copyFileSync(join(root, image), join(out, 'images', basename(image)))
}
const decisions = [...tracked].filter((f) => /^docs\/decisions\/\d/.test(f)).sort()
write('decisions/index.md', `# Decisions\n\n${decisions.map((f) => `* [${titleOf(join(root, f))}](/${pageOf(f, tracked)})`).join('\n')}\n`)
// What a page of source/ links to gets one as well.
for (const path of shown) write(`${sourcePage(path)}.md`, sourceText(path))

function write(to, text) {
    mkdirSync(dirname(join(out, to)), { recursive: true })
    writeFileSync(join(out, to), text)
}

function rewritten(from, text) {
    const fenced = text.split(/^(```[^\n]*\n[\s\S]*?^```[ \t]*$)/m)
    return fenced.map((part, i) => (i % 2 ? part : prose(from, part))).join('')
}

function prose(from, text) {
    return text.replace(/\]\(([^)\s]+)\)/g, (all, target) => `](${link(from, target)})`)
}

function link(from, target) {
    if (/^[a-z]+:/.test(target) || target.startsWith('#') || target.startsWith('/')) return target
    const [path, anchor] = target.split('#')
    const file = posix.normalize(posix.join(posix.dirname(from), path)).replace(/\/$/, '')
    const hash = anchor ? `#${anchor}` : ''
    if (file.startsWith('docs/images/')) return `/images/${basename(file)}`
    const page = pageOf(file, tracked)
    if (page) return `/${page}${hash}`
    if (!existsSync(join(root, file))) throw new Error(`${from}: (${target}): there is no ${file}`)
    shown.add(file)
    return `/${sourcePage(file)}.md`
}

// A dot in front or behind would be another kind of file to VitePress.
function sourcePage(path) {
    return `source/${path.replaceAll('.', '-').replace(/^-/, '')}`
}

function sourceText(path) {
    if (statSync(join(root, path)).isDirectory()) {
        const inside = readdirSync(join(root, path)).map((n) => `${path}/${n}`)
            .filter((f) => tracked.has(f) || [...tracked].some((t) => t.startsWith(`${f}/`)))
        // Only examples are shown whole: a page for every source would be most of the site.
        if (path.startsWith('examples')) inside.forEach((f) => shown.add(f))
        const lines = inside.map((f) => (shown.has(f) ? `* [${basename(f)}](/${sourcePage(f)}.md)` : `* ${basename(f)}`))
        return `# ${path}/\n\n${lines.join('\n')}\n`
    }
    const text = readFileSync(join(root, path), 'utf8')
    if (extname(path) === '.md') return rewritten(path, text)
    return `# ${basename(path)}\n\n\`${path}\`\n\n\`\`\`\`\`\`${languages[extname(path)] ?? 'txt'}\n${text.trimEnd()}\n\`\`\`\`\`\`\n`
}
