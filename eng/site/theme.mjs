// VitePress' own theme, with its fonts out of the package: nothing is asked of another host.
import DefaultTheme from 'vitepress/theme'
import './theme.css'

export default DefaultTheme
