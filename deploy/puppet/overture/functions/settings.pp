# @summary Declares lines of a puppet.conf, each once: an agent and its puppetserver may be of one host, and both have a name there.
#
# @param path
#   The puppet.conf.
# @param settings
#   SECTION/SETTING and what stands behind the =.
#
# @return [Undef]
#
# @api private
function overture::settings(Overture::Path $path, Hash[String, String] $settings) {
  $settings.each |String $setting, String $value| {
    if defined(Overture_setting[$setting]) {
      $other = Overture_setting[$setting]
      unless $other['value'] == $value and $other['path'] == $path {
        $there = "'${other['value']}' in ${other['path']} by another class of overture"
        fail("${setting} is '${value}' in ${path}, and ${there}: give both the same")
      }
    } else {
      overture_setting { $setting:
        path  => $path,
        value => $value,
      }
    }
  }
}
