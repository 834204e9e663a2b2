// Where each page of the repository is on the site, and the order in which its sidebar has them.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const atTheTop = {
    'README.md': 'overture.md', 'CHANGELOG.md': 'changelog.md', 'CONTRIBUTING.md': 'contributing.md', 'SECURITY.md': 'vulnerabilities.md',
}

// docs/index.md is the site's first page; docs/X.md is /X.
export function pageOf(file, tracked) {
    if (file === 'docs') return 'index.md'
    if (file === 'docs/decisions') return 'decisions/index.md'
    if (!tracked.has(file)) return null
    if (atTheTop[file]) return atTheTop[file]
    return file.startsWith('docs/') && file.endsWith('.md') ? file.slice('docs/'.length) : null
}

export function places(tracked) {
    return [...tracked].map((from) => ({ from, to: pageOf(from, tracked) })).filter((p) => p.to)
}

export const groups = [
    { text: 'Tutorials', folder: 'tutorials' },
    {
        text: 'How to', folder: 'how-to',
        pages: ['cli', 'console', 'operations', 'first-boot', 'cloud-init', 'events', 'integrations', 'compose', 'kubernetes'],
    },
    {
        text: 'Reference',
        pages: ['options', 'rpcs', 'errors', 'causes', 'telemetry', 'registry', 'puppet-contracts', 'matrix', 'glossary'],
    },
    { text: 'Explanation', pages: ['architecture', 'flows', 'security', 'threats', 'performance', 'lessons', 'seeded-causes'] },
    { text: 'Decisions', folder: 'decisions', collapsed: true },
    { text: 'Project', pages: ['overture', 'changelog', 'contributing', 'vulnerabilities'] },
]

export function titleOf(file) {
    return /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1].replaceAll('`', '') ?? file
}

// The sidebar out of what is in PAGES; a page that no group names comes to the end of the reference, so that none is lost.
export function sidebar(pages) {
    const found = new Set(readdirSync(pages).filter((f) => f.endsWith('.md') && f !== 'index.md').map((f) => f.slice(0, -3)))
    const named = new Set(groups.flatMap((g) => g.pages ?? []))
    const rest = [...found].filter((f) => !named.has(f)).sort()
    return groups.map((group) => {
        const folder = group.folder && existsSync(join(pages, group.folder)) ? readdirSync(join(pages, group.folder)).sort() : []
        const own = [...folder.filter((f) => f.endsWith('.md') && f !== 'index.md').map((f) => `${group.folder}/${f.slice(0, -3)}`),
            ...(group.pages ?? []).filter((p) => found.has(p)), ...(group.text === 'Reference' ? rest : [])]
        const items = own.map((p) => ({ text: titleOf(join(pages, `${p}.md`)), link: `/${p}` }))
        return { text: group.text, collapsed: group.collapsed ?? false, items }
    }).filter((group) => group.items.length > 0)
}
