namespace Overture.Console.Sessions;

/// <summary>Which streams of events are open: each holds two of the Conductor's, and ends with its session.</summary>
public sealed class OpenStreams
{
    private const int Most = 1_000, MostOfSession = 30, MostOfPerson = 60;
    private readonly Lock gate = new();
    private readonly Dictionary<string, HashSet<Place>> open = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> ofPerson = new(StringComparer.Ordinal);
    private int sum;

    /// <param name="session">Its nonce.</param>
    /// <param name="person">Who signed in: to sign in again and again gets no more places by that.</param>
    /// <returns>To be disposed of when the stream ends; null: there is no room.</returns>
    public Place? Take(string session, string person)
    {
        lock (gate)
        {
            var own = open.GetValueOrDefault(session) ?? [];
            var theirs = ofPerson.GetValueOrDefault(person);
            if (sum >= Most || own.Count >= MostOfSession || theirs >= MostOfPerson)
                return null;
            var place = new Place(this, session, person);
            own.Add(place);
            (open[session], ofPerson[person], sum) = (own, theirs + 1, sum + 1);
            return place;
        }
    }

    /// <summary>The session was signed out of: its streams end.</summary>
    public void End(string session)
    {
        lock (gate)
        {
            foreach (var place in open.GetValueOrDefault(session) ?? [])
                place.Cancel();
        }
    }

    private bool Leave(Place place, string session, string person)
    {
        lock (gate)
        {
            if (!open.TryGetValue(session, out var own) || !own.Remove(place))
                return false;
            sum--;
            if (--ofPerson[person] == 0)
                ofPerson.Remove(person);
            if (own.Count == 0)
                open.Remove(session);
            return true;
        }
    }

    /// <summary>That of one stream.</summary>
    public sealed class Place : IDisposable
    {
        private readonly OpenStreams streams;
        private readonly string session, person;
        private readonly CancellationTokenSource end = new();

        internal Place(OpenStreams streams, string session, string person) =>
            (this.streams, this.session, this.person, Ended) = (streams, session, person, end.Token);

        /// <summary>The session is over.</summary>
        public CancellationToken Ended { get; }

        public void Dispose()
        {
            if (streams.Leave(this, session, person))
                end.Dispose();
        }

        // What the stream does then is not done here, under the lock.
        internal void Cancel() => _ = end.CancelAsync();
    }
}
