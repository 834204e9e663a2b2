using Overture.Cli.Hooks;
using Overture.Platform.Certificates;

namespace Overture.Cli.Doctor;

/// <summary>What is known of a puppetserver's configuration.</summary>
/// <param name="Conf">Its puppet.conf.</param>
/// <param name="ConfFile">Where that is.</param>
/// <param name="SignsItself">Its CA service is on.</param>
/// <param name="User">Who it runs as.</param>
/// <param name="Files">What puppet.conf names, by path, and overture.yaml.</param>
/// <param name="Administrators">Groups whose members are administrators by the distribution's rules (root, staff), by number: who is in
/// them, beside root.</param>
internal sealed record HookSetup(PuppetConf Conf, string ConfFile, bool SignsItself, ServerUser User,
    IReadOnlyDictionary<string, HookFile> Files, IReadOnlyDictionary<uint, IReadOnlyList<string>> Administrators)
{
    public const string Settings = "overture.yaml";

    /// <summary>The path of external_nodes, which may have arguments behind it.</summary>
    public static string Command(string external) => external.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var path, ..]
        ? path : "";

    /// <returns>Who, beside root, may write what has these permissions, where those are administrators alone; null: others may,
    /// too.</returns>
    public IReadOnlyList<string>? Members(Permissions own) =>
        own.User == 0 && (own.Mode & UnixFileMode.OtherWrite) == 0 ? Administrators.GetValueOrDefault(own.Group) : null;

    /// <summary>Beside puppet.conf: where the native terminus finds Classifier.</summary>
    public string SettingsFile => Path.Combine(Path.GetDirectoryName(ConfFile)!, Settings);
}

/// <summary>
/// Whether a puppetserver calls Overture: the hook that signs, the one that classifies (or the native terminus), the forwarding of reports.
/// A hook that its user may not execute is none: as autosign, puppetserver reads it as a list of names (docs/puppet-contracts.md §4).
/// Pure.
/// </summary>
internal static class HookRules
{
    /// <summary>Of its lines.</summary>
    public const string Area = "puppetserver";

    private const string Exec = "exec", Native = "overture";

    public static IReadOnlyList<DoctorLine> Of(HookSetup setup) => [Autosign(setup), Terminus(setup), Reports(setup)];

    private static DoctorLine Autosign(HookSetup setup)
    {
        const string check = "autosign";
        var value = setup.Conf.Of(check);
        if (!setup.SignsItself)
            return new(Area, check, DoctorStatus.Ok, "is not asked: the CA service of this puppetserver is off");
        switch (value)
        {
            case "":
                return new(Area, check, DoctorStatus.Warning,
                    "is not set: autosign.conf decides, and every request that it does not name waits",
                    $"autosign = /usr/bin/overture-autosign in [server] of {setup.ConfFile}");
            case "false":
                return new(Area, check, DoctorStatus.Ok,
                    "is false: every request waits until it is signed by hand or by CertAuthority (stockCa)");
            case "true":
                return new(Area, check, DoctorStatus.Failed, "is true: every request is signed",
                    $"autosign = /usr/bin/overture-autosign in [server] of {setup.ConfFile}");
            default:
                return Hook(setup, check, value, Launcher);
        }
    }

    private static DoctorLine Terminus(HookSetup setup)
    {
        const string check = "node_terminus";
        switch (setup.Conf.Of(check))
        {
            case Exec:
                return Hook(setup, "external_nodes", HookSetup.Command(setup.Conf.Of("external_nodes")), Enc);
            case Native:
                var settings = setup.Files.GetValueOrDefault(setup.SettingsFile);
                return settings?.Kind != HookFileKind.Plain
                    ? new(Area, check, DoctorStatus.Failed, $"is {Native}, and {setup.SettingsFile} is not there: every run fails",
                        "apply class overture::puppetserver with terminus native")
                    : !(settings.Allowed ?? (setup.User.MayRead(settings.Own!) && settings.Barred(setup.User) is null))
                        ? new(Area, check, DoctorStatus.Failed,
                            $"is {Native}, and user {setup.User.Name} may not read {setup.SettingsFile}",
                            $"chgrp {setup.User.Name} {setup.SettingsFile}; chmod 0640 {setup.SettingsFile}")
                    : new(Area, check, DoctorStatus.Ok, $"is {Native}: {setup.SettingsFile} names Classifier");
            case var other:
                return new(Area, check, DoctorStatus.Failed,
                    $"{(other.Length > 0 ? $"is {other}" : "is not set")}: no node is classified by Overture",
                    $"node_terminus = exec and external_nodes = /usr/bin/overture-enc in [server] of {setup.ConfFile}");
        }
    }

    private static DoctorLine Reports(HookSetup setup)
    {
        const string check = "reports";
        var forwards = setup.Conf.Of(check).Split(',', StringSplitOptions.TrimEntries).Contains("http");
        var url = setup.Conf.Of("reporturl");
        return forwards && url.StartsWith("https://", StringComparison.Ordinal)
            ? new(Area, check, DoctorStatus.Ok, $"go to {url}")
            : new(Area, check, DoctorStatus.Failed, forwards ? $"go to {(url.Length > 0 ? url : "no reporturl")}, which is not HTTPS"
                : "are not forwarded: no node ever counts as converged",
                $"reports = http and reporturl = https://CONDUCTOR:8142/reports in [server] of {setup.ConfFile}");
    }

    private static DoctorLine Hook(HookSetup setup, string check, string path, Func<HookFile, string> strange)
    {
        var user = setup.User;
        if (path.Contains('$', StringComparison.Ordinal))
        {
            return new(Area, check, DoctorStatus.Warning,
                $"is {path}: {setup.ConfFile} does not set that variable, so the hook is not looked at",
                $"name the hook's whole path in {setup.ConfFile}");
        }
        if (!Path.IsPathRooted(path) || !setup.Files.TryGetValue(path, out var file))
        {
            return new(Area, check, DoctorStatus.Failed, $"is '{path}', not an absolute path",
                $"name the hook's whole path in {setup.ConfFile}");
        }
        if (user.Id is null)
        {
            return new(Area, check, DoctorStatus.Failed, $"there is no user {user.Name} on this host",
                "name the server's user: --user NAME");
        }
        var install = check == "autosign" ? $"overture hook install {path}" : $"ln -s /usr/bin/overture {path}";
        return Trouble(user, file, install) is var (bars, cure)
                ? new(Area, check, DoctorStatus.Failed, bars + Inert(check, file), cure)
            : file.Interpreter is { } program && Trouble(user, program, install) is var (stops, mend)
                ? new(Area, check, DoctorStatus.Failed, $"{path} can't be run: {stops}", mend)
            : (Written(setup, file) ?? Written(setup, file.Interpreter)) is var (status, written, closed)
                ? new(Area, check, status, written, closed)
            : strange(file) is { Length: > 0 } why ? new(Area, check, DoctorStatus.Warning, $"{path} {why}", install)
            : new(Area, check, DoctorStatus.Ok, $"{path} is executable by user {user.Name}");
    }

    // Why the user can't run it, and what mends that.
    private static (string, string)? Trouble(ServerUser user, HookFile file, string install)
    {
        var path = file.Path;
        return file.Barred(user) is { } folder
                ? ($"user {user.Name} may not go through {folder} to {path}", $"chmod o+x {folder}, or put the hook elsewhere")
            : file.Kind != HookFileKind.Plain ? ($"{path} is {(file.Kind == HookFileKind.Folder ? "a directory" : "not there")}", install)
            : file.Allowed ?? user.MayExecute(file.Own!) ? null
            : user.MayExecute(file.Own!)
                ? ($"user {user.Name} may not execute {path}: an ACL, a mount with noexec or a folder on the way of a link bars it",
                    $"namei -l {path}; getfacl {file.Target}")
            : ($"user {user.Name} may not execute {path} ({file.Own!.Octal})", $"chmod 0755 {file.Target}");
    }

    // Who may put another in its place decides in its place. A privileged group (Debian lets staff write /usr/local) whose only
    // member is root gives no other user that right.
    private static (DoctorStatus, string, string)? Written(HookSetup setup, HookFile? file)
    {
        if (file?.WrittenBy(own => setup.Members(own) is { Count: 0 }) is not var (place, own))
            return null;
        var (what, mend) = place == file.Path ? ("", $"chown root {file.Target}; chmod 0755 {file.Target}")
            : ("the folder ", $"chown root {place}; chmod go-w {place}");
        var above = place == file.Path ? "" : $" above {file.Path}";
        return setup.Members(own) is { } members
            ? (DoctorStatus.Warning,
                string.Join(", ", members) + $" may write {what}{place} ({own.Octal}){above}, by a group of administrators",
                $"take who is no administrator out of that group, or: chmod go-w {place}")
            : (DoctorStatus.Failed, $"others than root may write {what}{place} ({own.Octal}){above}: they decide in its place", mend);
    }

    // What puppetserver does with such a hook.
    private static string Inert(string check, HookFile file) => check != "autosign" ? ": every run fails"
        : file.Kind == HookFileKind.Plain && AutosignList.LinesForAll(file.Text) is [var line, ..]
            ? $": puppetserver reads it as a list of names, and its line {line} signs every request"
        : file.Kind == HookFileKind.Plain && AutosignList.LinesForSome(file.Text) is [var (number, some), ..]
            ? $": puppetserver reads it as a list of names, and its line {number} signs '{Output.Printable.Line(some)}'"
        : ": puppetserver reads it as a list of names, so nothing is signed";

    private static string Launcher(HookFile file) =>
        file.Text.Length == 0 ? "is empty: a shell that runs it says yes to every request"
        : file.Text.Split('\n')[0].EndsWith($" {AutosignLauncher.Argument}", StringComparison.Ordinal) ? ""
        : "is not the file that overture hook install writes";

    // The binary's own name decides, so a link to it or a copy of it has this one.
    private static string Enc(HookFile file) => Path.GetFileName(file.Path) == "overture-enc" ? "" : "is not called overture-enc";
}
