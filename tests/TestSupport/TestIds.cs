using System.Security.Cryptography;
using Overture.Platform.Records;

namespace Overture.TestSupport;

public static class TestIds
{
    public static Ids New() => new(TimeProvider.System, RandomNumberGenerator.Create());
}
