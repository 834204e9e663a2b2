using System.CommandLine;
using Grpc.Health.V1;
using Overture.Cli.Doctor;
using Overture.Cli.Output;
using Overture.Cli.Pki;
using Overture.Cli.Setup;

namespace Overture.Cli.Commands;

/// <summary>overture setup: from the installed package to services that are ready.</summary>
internal sealed class SetupVerb : Verb
{
    private readonly Option<string?> store = new("--store")
    {
        Description = "Where all records are kept: a directory, or s3://BUCKET", HelpName = "DIR|s3://BUCKET",
    };

    private readonly Option<string?> endpoint = new("--s3-endpoint") { Description = "An S3 server that is not AWS", HelpName = "URL" };
    private readonly Option<string?> region = new("--s3-region") { Description = "Region of the bucket", HelpName = "REGION" };
    private readonly Option<string?> redis = new("--redis")
    {
        Description = "local for one of its own on this host, or another's address", HelpName = "local|HOST:PORT",
    };

    private readonly Option<string?> provider = new("--provider")
    {
        Description = "What starts instances: clones of this host, EC2, or none (they are registered)", HelpName = "local|ec2:REGION|none",
    };

    private readonly Option<string[]> names = new("--name")
    {
        Description = "DNS name that nodes and puppetservers reach this host by; may be repeated", HelpName = "NAME",
    };

    private readonly Option<string?> ca = new("--ca")
    {
        Description = "A new Puppet CA; one that is imported, of DIR or of the puppetserver on this host; or stock: a puppetserver's own "
            + "CA goes on signing", HelpName = "new|import|DIR|stock|stock:HOST:PORT",
    };

    private readonly Option<string?> deployment = new("--deployment") { Description = "Prefix of all records and tags", HelpName = "NAME" };
    private readonly Option<bool> yes = new("--yes", "-y") { Description = "Ask nothing: what no option says is the default" };
    private readonly Option<bool> keys = new("--keys")
    {
        Description = "Only keys and certificates: renews what is past two thirds of its life (overture-keys.timer does it daily)",
    };

    private readonly Option<string?> root = new("--root")
    {
        Description = "Set up the image of a host in this directory; nothing is started", HelpName = "DIR",
    };

    public SetupVerb() : base("setup",
        "Set up the services of the package overture-server on this host: files in /etc/overture, keys, units. What a person changed is "
            + "kept; a run that was cut off is gone on with",
        "overture setup", "overture setup --yes --provider local", "overture setup --store s3://overture --s3-region eu-central-1 "
            + "--provider ec2:eu-central-1 --deployment production --redis redis.example.com:6379 --name overture.example.com --yes")
    {
        Exits = ["1  a service did not start, or doctor found something that does not work"];
        foreach (var option in new Option[] { store, endpoint, region, redis, provider, names, ca, deployment, yes, keys, root })
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var image = session.Parse.GetValue(root) is { } directory ? Path.GetFullPath(directory) : "";
        var host = new SetupHost(image);
        if (!host.IsImage && !Environment.IsPrivilegedProcess)
            throw new Failure(ExitCodes.Denied, "overture setup writes /etc/overture and units, which takes root", "sudo overture setup");
        if (!File.Exists(host.At(SetupFiles.Programs[0].Program)))
            throw Failure.Config($"there is no {host.At(SetupFiles.Programs[0].Program)}", "install the package overture-server first");
        var file = $"{SetupHost.Etc}/setup.yaml";
        var first = SetupAnswers.Read(host.At(file));
        var isFirst = !File.Exists(host.At(file));
        var answers = Answers(session, host, first, session.Parse.GetValue(keys));
        if (answers.Problems().ToList() is { Count: > 0 } problems)
            throw new Failure(ExitCodes.Usage, Failure.Sentence(problems)) { Fields = problems };
        if (!isFirst && answers.Differences(first).ToList() is { Count: > 0 } others)
        {
            throw new Failure(ExitCodes.Usage, Failure.Sentence(others),
                $"or, where nothing is in use yet: remove {file} and the files that have the old answer, and run overture setup again")
            {
                Fields = others,
            };
        }

        var written = new List<string>();
        if (session.Parse.GetValue(keys))
        {
            written.AddRange(await new SetupKeys(host, answers, session.Clock).Renew(cancel));
            return Tell(session, written, [], ExitCodes.Ok);
        }
        var units = new SetupUnits(host, answers, session.Clock);
        await Check(host, answers, isFirst, units, session.Clock, cancel);
        // First, so that a run which is cut off is gone on with.
        if (host.Write(file, answers.Text()))
            written.Add(file);
        Printer.Say("1/4  keys, certificates and passwords");
        written.AddRange(await new SetupKeys(host, answers, session.Clock).Make(cancel));
        Printer.Say("2/4  files in /etc/overture");
        var files = await new SetupFiles(host, answers).Write(cancel);
        written.AddRange(files.Written);
        written.AddRange(await units.WriteDropIns(cancel));
        Needs(host, answers);
        if (host.IsImage)
        {
            Printer.Say("next: on the host, at its first boot: overture setup --yes. It gives files to their owners, and enables and "
                + "starts the units. The keys and the CA in this image are the same in each host made of it");
            return Tell(session, written, files.Kept, ExitCodes.Ok);
        }
        session.WorkAt($"{SetupHost.Etc}/cli.yaml");
        Printer.Say("3/4  units");
        await units.Start(sentence => Printer.Say("     " + sentence), cancel);
        await units.AwaitReady(() => Waiting(session, cancel), sentence => Printer.Say("     " + sentence), cancel);
        Printer.Say("4/4  doctor");
        var failed = false;
        await new SiteChecks(session, line =>
        {
            failed |= line.Status == DoctorStatus.Failed;
            if (line.Status is DoctorStatus.Failed or DoctorStatus.Warning)
            {
                Printer.Say($"     {line.Word}  {line.Area}: {line.Check}: {line.Detail}"
                    + (line.Next.Length > 0 ? $"; next: {line.Next}" : ""));
            }
        }, cancel).Run();
        var exit = Tell(session, written, files.Kept, failed ? ExitCodes.Failed : ExitCodes.Ok);
        foreach (var line in SetupNext.Lines(host, answers, failed))
            Printer.Say(line);
        return exit;
    }

    private SetupAnswers Answers(Session session, SetupHost host, SetupAnswers known, bool silent)
    {
        var asks = !silent && !session.Parse.GetValue(yes) && !Console.IsInputRedirected;
        string Of(Option<string?> option, string before, string question, string usual)
        {
            if (session.Parse.GetValue(option) is { } given)
                return given;
            if (before.Length > 0)
                return before;
            return asks ? Ask(question, usual) : usual;
        }

        var called = session.Parse.GetValue(names) is { Length: > 0 } list ? string.Join(',', list) : known.Names;
        var ec2 = Of(provider, known.Provider, "What starts instances: local (clones of this host, to try things out), ec2:REGION, none",
            SetupAnswers.None);
        var answers = new SetupAnswers
        {
            Provider = ec2,
            Store = Of(store, known.Store, "Where are records kept: a directory, or s3://BUCKET", $"{SetupHost.Home}/objects"),
            S3Endpoint = session.Parse.GetValue(endpoint) ?? known.S3Endpoint,
            S3Region = session.Parse.GetValue(region) ?? known.S3Region,
            Redis = Of(redis, known.Redis, "Redis: local (one of its own on this host), or HOST:PORT", SetupAnswers.Local),
            Names = called.Length > 0 ? called
                : asks ? Ask("Names that nodes and puppetservers reach this host by, separated by commas", HostName()) : HostName(),
            Deployment = session.Parse.GetValue(deployment) ?? known.Deployment,
        };
        var given = Of(ca, known.Ca, "Puppet CA: new; the cadir of a puppetserver, to import it; or stock:HOST, and that one's own stays",
            SetupCa.New);
        return answers with { Ca = SetupCa.Resolve(given, known.Ca, host, answers.NameList.FirstOrDefault("")) };
    }

    private static string HostName()
    {
        var name = Environment.MachineName.ToLowerInvariant();
        try
        {
            var full = System.Net.Dns.GetHostEntry(name).HostName.ToLowerInvariant();
            return full.StartsWith(name, StringComparison.Ordinal) ? full : name;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return name;
        }
    }

    private static string Ask(string question, string usual)
    {
        Console.Error.Write($"{question} [{usual}]: ");
        var answer = Console.ReadLine() ?? throw Failure.Usage("no more answers", "overture setup begins again; --yes takes the defaults");
        return answer.Trim() is { Length: > 0 } given ? given : usual;
    }

    // Empty: all serve.
    private static async Task<string> Waiting(Session session, CancellationToken cancel)
    {
        foreach (var (key, address) in new[]
        {
            ("conductor", session.Config.Conductor), ("certAuthority", session.Config.CertAuthority),
            ("classifier", session.Config.Classifier),
        })
        {
            var (serving, detail) = await HealthVerb.Ask(session, key, address, new HealthCheckRequest(), cancel);
            if (!serving)
                return $"{key.ToLowerInvariant()}: {detail}";
        }
        return "";
    }

    // What would fail half-way, before anything is written.
    private static async Task Check(SetupHost host, SetupAnswers answers, bool isFirst, SetupUnits units, TimeProvider clock,
        CancellationToken cancel)
    {
        var isFree = WholeDirectory.IsFree(host.At($"{SetupHost.Home}/ca"));
        // Its name would be kept as the answer, and no other be taken any more.
        if (isFirst && SetupCa.IsImported(answers.Ca) && isFree)
            SetupCa.ReadImport(answers.Ca, host, clock);
        if (isFirst && SetupCa.IsImported(answers.Ca) && !isFree)
        {
            throw Failure.Usage($"--ca: {SetupHost.Home}/ca has a CA already, and no CA is written over",
                $"move {SetupHost.Home}/ca away to import {answers.Ca}, or leave --ca out to go on with the one that is there");
        }
        if (!host.IsImage && answers.Redis == SetupAnswers.Local && !File.Exists("/usr/bin/redis-server"))
        {
            throw Failure.Usage("--redis: there is no /usr/bin/redis-server on this host",
                "install redis-server, or name another: HOST:PORT");
        }
        SetupCa.CheckFiles(host, answers.Ca);
        await units.CheckStore(cancel);
    }

    // Before units start, which wait for it.
    private static void Needs(SetupHost host, SetupAnswers answers)
    {
        if (answers.Redis != SetupAnswers.Local)
            Printer.Say($"next: give {answers.Redis} the users in {SetupHost.Home}/redis/users.conf (an aclfile, or redis.conf)");
        if (answers.Ec2Region.Length > 0)
        {
            Printer.Say($"next: give the Conductor a key of the cloud: AWS_ACCESS_KEY_ID=… in {SetupHost.Etc}/conductor.environment "
                + "(mode 0600), or a role");
        }
        if (answers.IsBucket)
        {
            Printer.Say($"next: give each service a key of the bucket: AWS_ACCESS_KEY_ID=… in {SetupHost.Etc}/SERVICE.environment "
                + "(mode 0600) of conductor, certauthority and classifier, or a role");
        }
        foreach (var need in SetupCa.Needs(answers.Ca))
            Printer.Say($"next: {need}");
    }

    private static int Tell(Session session, List<string> written, IReadOnlyList<string> kept, int exit)
    {
        foreach (var line in kept)
            Printer.Say($"kept: {line}");
        session.Printer.Answer(PkiInitVerb.Files(written), _ =>
        {
            foreach (var path in written)
                Printer.Document(path);
        });
        Printer.Say(written.Count == 0 ? "nothing to do: all is set up" : $"wrote {written.Count} files");
        return exit;
    }
}
