using Overture.Classifier.V1;

namespace Overture.Cli.Hooks;

/// <summary>
/// overture-enc CERTNAME: Puppet's external node classifier (docs/puppet-contracts.md §5.1). Prints the classification, or nothing and
/// fails: an empty document with exit 0 would strip the node of all it is. Never looks at stdin.
/// </summary>
internal static class EncHook
{
    private const string Name = "overture-enc";

    public static Task<int> Run(string[] args) => HookArguments.AsksForHelp(args) ? Task.FromResult(HookHelp.Print(Name))
        : HookCall.Run(Name, args, Answer);

    private static async Task<int> Answer(HookCall call, CliConfig config)
    {
        var request = new ClassifyRequest { Certname = call.Arguments.Certname };
        var answer = await call.Ask(config, "classifier", config.Classifier, "overture.classifier.v1.ClassifierService/Classify", request,
            ClassifyResponse.Parser);
        call.Replay?.Step($"answer: {answer.Yaml.Length} characters, environment {answer.Environment}, version {answer.Version}");
        if (string.IsNullOrWhiteSpace(answer.Yaml))
            throw new Failure(ExitCodes.Internal, $"classifier at {config.Classifier} gave an empty answer");
        if (answer.StaleSince is { } since)
            call.Warn($"the store does not answer; this answer is as of {Output.InstanceText.Time(since)}");
        if (answer.Broken.Length > 0)
            call.Warn(answer.Broken);
        StandardStreams.Write(System.Text.Encoding.UTF8.GetBytes(answer.Yaml));
        return ExitCodes.Ok;
    }
}
