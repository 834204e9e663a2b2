using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Cli.Doctor;

/// <summary>
/// The hooks' configuration and the files that it names, as the puppetserver's user finds them: a hook that may not read one, or finds that
/// others could have written it (<see cref="FileGuard"/>), refuses every request.
/// </summary>
internal sealed class HookSettingsChecks(HookSetup setup, TimeProvider clock)
{
    public const string Check = "hooks.yaml";
    private const UnixFileMode Written = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const string Copy = "copy it there from the pki folder that overture pki init made on the services' host";
    private static readonly TimeSpan CertificateSoon = TimeSpan.FromDays(30);

    /// <summary>The file that the hooks read, where their environment is this one's.</summary>
    public static string File { get; } = Path.GetFullPath(CliConfig.HooksFile);

    public IEnumerable<DoctorLine> Run()
    {
        // 1. the configuration itself
        if (Trouble(File, secret: false, "write it as docs/cli.md says; hooks that read another one: OVERTURE_HOOKS_CONFIG=FILE overture "
            + "doctor --puppetserver") is { } unfit)
        {
            yield return Line(Check, DoctorStatus.Failed, unfit.What, unfit.Next);
            yield break;
        }
        var (configs, failure) = Read();
        yield return failure is not null ? Line(Check, DoctorStatus.Failed, failure.Message, failure.Next)
            : Line(Check, DoctorStatus.Ok, $"{File} is root's or user {setup.User.Name}'s, who may read it, and no one else may write it");

        // 2. what it names, each once
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (hook, config) in configs)
        {
            if (seen.Add(config.Key))
                yield return Of($"{hook} key", config.Key, secret: true);
            if (seen.Add(config.Certificate))
                yield return Dated($"{hook} certificate", config.Certificate);
            if (seen.Add(config.Roots))
                yield return Dated($"{hook} roots", config.Roots);
        }
    }

    private static (IReadOnlyList<(string Hook, CliConfig Config)> Configs, Failure? Failure) Read()
    {
        try
        {
            return ([("enc", CliConfig.OfHooks(File, "overture-enc")), ("autosign", CliConfig.OfHooks(File, "overture-autosign"))], null);
        }
        catch (Failure failure)
        {
            return ([], failure);
        }
    }

    private DoctorLine Dated(string check, string file)
    {
        if (Of(check, file, secret: false) is { Status: not DoctorStatus.Ok } unfit)
            return unfit;
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(System.IO.File.ReadAllText(file));
            if (certificates.MinBy(c => c.NotAfter) is not { } first)
                return Line(check, DoctorStatus.Failed, $"{file} holds no certificate: every call of the hook fails", Copy);
            var (end, now) = (first.NotAfter.ToUniversalTime(), clock.GetUtcNow().UtcDateTime);
            return end <= now ? Line(check, DoctorStatus.Failed, $"{file} ended on {end:yyyy-MM-dd}: every call of the hook fails", Copy)
                : end - now < CertificateSoon ? Line(check, DoctorStatus.Warning, $"{file} is valid until {end:yyyy-MM-dd}", Copy)
                : Line(check, DoctorStatus.Ok, $"{file} is valid until {end:yyyy-MM-dd}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return Line(check, DoctorStatus.Failed, $"{file} can't be read: {e.Message}", Copy);
        }
    }

    private DoctorLine Of(string check, string file, bool secret) => Trouble(file, secret, Copy) is { } unfit
        ? Line(check, DoctorStatus.Failed, unfit.What, unfit.Next)
        : Line(check, DoctorStatus.Ok, $"{file} may be read by user {setup.User.Name}{(secret ? " and by no stranger" : "")}");

    // As FileGuard judges when the server's user runs the hook, and whether that user comes to it at all.
    private (string What, string Next)? Trouble(string path, bool secret, string missing)
    {
        var (user, file) = (setup.User, HookSetupReader.FileOf(path, setup.User, "-r"));
        if (file.Own is not { } own)
            return ($"there is no {path}: every call of a hook fails", missing);
        if (own.User != 0 && own.User != user.Id)
        {
            return ($"{path} belongs to uid {own.User}, not to root or {user.Name}: no hook uses it",
                $"chown root {path}, if no one else can have changed it");
        }
        var open = own.Mode & (secret ? Written | UnixFileMode.OtherRead : Written);
        if (open != 0)
        {
            var may = (open & UnixFileMode.OtherRead) != 0 ? "read" : "write";
            return ($"others may {may} {path} ({own.Octal}): no hook uses it", !secret ? $"chmod go-w {path}"
                : $"chmod g-w,o-rwx {path}, and make a new key if this host has other users");
        }
        if (file.Barred(user) is { } folder)
            return ($"user {user.Name} may not go through {folder} to {path}: every call of a hook fails", $"chmod o+x {folder}");
        return file.Allowed ?? user.MayRead(own) ? null
            : ($"user {user.Name} may not read {path} ({own.Octal}): every call of a hook fails",
                $"chgrp {user.Name} {path}; chmod 0640 {path}");
    }

    private static DoctorLine Line(string check, DoctorStatus status, string detail, string next = "") =>
        new(HookRules.Area, check, status, detail, next);
}
