using Overture.Classifier.V1;

namespace Overture.Cli.Hooks;

/// <summary>
/// overture-enc CERTNAME: Puppet's external node classifier (puppet-contracts §5.1). Prints the classification, or nothing and fails: an
/// empty document with exit 0 would strip the node of all it is.
/// </summary>
internal static class EncHook
{
    public static Task<int> Run(string[] args) => HookCall.Run("overture-enc", args, async (certname, config, options) =>
    {
        var answer = await HookCall.Once(config, "classifier", config.Classifier,
            calls => new ClassifierService.ClassifierServiceClient(calls).ClassifyAsync(new ClassifyRequest { Certname = certname }, options));
        if (string.IsNullOrWhiteSpace(answer.Yaml))
            throw new Failure(ExitCodes.Internal, $"classifier at {config.Classifier} gave an empty answer");
        using var stdout = Console.OpenStandardOutput();
        stdout.Write(System.Text.Encoding.UTF8.GetBytes(answer.Yaml));
        stdout.Flush();
        return ExitCodes.Ok;
    });
}
