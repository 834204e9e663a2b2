require 'digest'

Puppet::Type.type(:overture_token).provide(:file) do
  desc 'Writes the file as a whole, with its mode from the first byte.'

  # What is there is a secret: compared, never shown.
  def token
    :secret
  end

  def settled?(token)
    text == spent(token) || (text == fresh(token) && !certified?)
  end

  def token=(token)
    replace(text == fresh(token) && certified? ? spent(token) : fresh(token))
  end

  private

  def path
    resource[:path]
  end

  def text
    Puppet::FileSystem.exist?(path) ? Puppet::FileSystem.read(path, encoding: 'utf-8') : nil
  end

  def fresh(token)
    "custom_attributes:\n  1.2.840.113549.1.9.7: \"#{token}\"\n"
  end

  # Read by Puppet as no attributes; says which token was here, so that the same one is not written again.
  def spent(token)
    "{} # The certificate is here; the token of SHA-256 #{Digest::SHA256.hexdigest(token)} is spent.\n"
  end

  # An older one is of another CA, and goes before the token is used (puppet ssl clean).
  def certified?
    certificate = File.join(Puppet[:certdir], "#{resource[:certname]}.pem")
    File.size?(certificate) && File.mtime(certificate) > File.mtime(path)
  end

  def replace(text)
    staged = "#{path}.new"
    File.unlink(staged) if File.exist?(staged)
    File.open(staged, File::WRONLY | File::CREAT | File::EXCL, 0o600) do |file|
      file.write(text)
      file.fsync
    end
    File.rename(staged, path)
  end
end
