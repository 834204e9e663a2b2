using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Overture.Cli.Output;

namespace Overture.Cli.Hooks;

/// <summary>
/// One run of a hook, and what both share. puppetserver waits for a hook without any limit of its own and logs its stderr line by line, so:
/// two seconds in total whatever happens, one line where it fails (<see cref="HookLog"/>), and never success by accident.
/// </summary>
internal sealed class HookCall
{
    /// <summary>From start to exit.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Reserve = TimeSpan.FromMilliseconds(200), Pause = TimeSpan.FromMilliseconds(150);

    private readonly long began = TimeProvider.System.GetTimestamp();
    private readonly HookLog log;
    private bool asked;

    private HookCall(HookArguments arguments)
    {
        Arguments = arguments;
        log = new HookLog(arguments.Hook, Printable.Line(arguments.Certname));
        Replay = arguments.IsReplay ? new Replay(began) : null;
    }

    public HookArguments Arguments { get; }

    /// <summary>Where a person looks on.</summary>
    public Replay? Replay { get; }

    /// <summary>Made here, so that it is known even without an answer; the service's spans of the call are in it.</summary>
    private ActivityTraceId Trace { get; } = ActivityTraceId.CreateRandom();

    /// <param name="hook">The name it was called by.</param>
    /// <param name="args">As they came.</param>
    /// <param name="act">Gives the exit code.</param>
    public static async Task<int> Run(string hook, string[] args, Func<HookCall, CliConfig, Task<int>> act)
    {
        var call = new HookCall(HookArguments.Parse(hook, args));
        // Name look-ups, a hung disk or a stdin that never ends obey no deadline: the process itself has one.
        var late = new Failure(ExitCodes.Timeout, "no answer within 2 seconds",
            "is the service overloaded, or does a firewall drop packets to its address?");
        using var last = new Timer(_ => Environment.Exit(call.Refuse(late)), null, Limit, Timeout.InfiniteTimeSpan);
        try
        {
            if (!StandardStreams.HasStdout)
                throw new Failure(ExitCodes.Internal, "stdout is closed: the answer can't be written");
            if (call.Arguments.Certname.Length == 0)
                throw Failure.Usage(call.Arguments.Usage);
            var config = CliConfig.ForHook(hook);
            call.log.Configure(config);
            call.Replay?.Configuration(config);
            var exit = await act(call, config);
            return call.Answered(exit);
        }
        catch (Failure failure)
        {
            return call.Refuse(failure);
        }
        catch (Exception e)
        {
            return call.Refuse(new Failure(ExitCodes.Internal, $"{e.GetType().Name}: {e.Message}"));
        }
    }

    /// <summary>One line beside a good answer.</summary>
    public void Warn(string text) => log.Warn(text);

    /// <summary>The call, and once more where the service was just not there; both within the one deadline.</summary>
    /// <param name="config">With the certificate to show.</param>
    /// <param name="key">The configuration key of the service.</param>
    /// <param name="address">HOST:PORT.</param>
    /// <param name="method">PACKAGE.SERVICE/METHOD.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="parser">Of the answer.</param>
    public async Task<T> Ask<T>(CliConfig config, string key, string address, string method, IMessage request, MessageParser<T> parser)
        where T : IMessage<T>
    {
        // Not disposed of: the process ends.
        var http = new HttpMessageInvoker(MutualTls.Handler(config, address, key, TimeProvider.System, Replay is { } replay
            ? replay.Step : null));
        asked = true;
        var uri = new Uri($"https://{address}/{method}");
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await UnaryCall.Send(http, uri, request, parser, $"00-{Trace}-{ActivitySpanId.CreateRandom()}-01",
                    Limit - Reserve - TimeProvider.System.GetElapsedTime(began));
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable && attempt == 1)
            {
                Replay?.Step($"{RpcFailures.From(e, key, address).Message}; once more after {Pause.TotalMilliseconds} ms");
                await Task.Delay(Pause);
            }
            catch (RpcException e)
            {
                throw RpcFailures.From(e, key, address);
            }
        }
    }

    private int Answered(int exit)
    {
        var took = TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;
        log.Note($"answered in {took:0} ms (trace {Trace})");
        Replay?.Step($"exit {exit}, trace {Trace}");
        return exit;
    }

    private int Refuse(Failure failure)
    {
        string[] marks = [failure.Reason, failure.TraceId.Length > 0 ? $"trace {failure.TraceId}" : asked ? $"trace {Trace}" : ""];
        var why = string.Join(", ", marks.Where(m => m.Length > 0));
        log.Warn(failure.Message + (why.Length > 0 ? $" ({why})" : "") + (failure.Next.Length > 0 ? $"; next: {failure.Next}" : ""));
        Replay?.Step($"exit {failure.Exit}");
        return failure.Exit;
    }
}
