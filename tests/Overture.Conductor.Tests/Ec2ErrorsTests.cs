using Overture.Conductor.Providers.Ec2;

namespace Overture.Conductor.Tests;

/// <summary>What is made of the EC2 API's errors, row by row.</summary>
public sealed class Ec2ErrorsTests
{
    [Theory]
    [InlineData("RequestLimitExceeded", 503, "SlowDown")]
    [InlineData("Throttling", 400, "SlowDown")]
    [InlineData("ThrottlingException", 400, "SlowDown")]
    [InlineData("EC2ThrottledException", 503, "SlowDown")]
    [InlineData("SlowDown", 503, "SlowDown")]
    [InlineData("Http429", 429, "SlowDown")]
    [InlineData("InternalError", 500, "Retry")]
    [InlineData("InternalFailure", 500, "Retry")]
    [InlineData("Unavailable", 503, "Retry")]
    [InlineData("ServiceUnavailable", 503, "Retry")]
    [InlineData("Http0", 0, "Retry")]
    [InlineData("Http500", 500, "Retry")]
    [InlineData("Http502", 502, "Retry")]
    [InlineData("Http503", 503, "Retry")]
    [InlineData("Http504", 504, "Retry")]
    [InlineData("InsufficientInstanceCapacity", 500, "Capacity")] // the code wins over the 500
    [InlineData("InsufficientHostCapacity", 500, "Capacity")]
    [InlineData("InsufficientReservedInstanceCapacity", 500, "Capacity")]
    [InlineData("InsufficientCapacity", 500, "Capacity")]
    [InlineData("SpotMaxPriceTooLow", 400, "Capacity")]
    [InlineData("MaxSpotInstanceCountExceeded", 400, "Capacity")]
    [InlineData("InstanceLimitExceeded", 400, "Quota")]
    [InlineData("VcpuLimitExceeded", 400, "Quota")]
    [InlineData("AddressLimitExceeded", 400, "Quota")]
    [InlineData("VolumeLimitExceeded", 400, "Quota")]
    [InlineData("InsufficientFreeAddressesInSubnet", 400, "Quota")]
    [InlineData("PendingVerification", 400, "Quota")]
    [InlineData("IdempotentParameterMismatch", 400, "Mismatch")]
    [InlineData("IdempotentInstanceTerminated", 400, "Ended")]
    [InlineData("InvalidAMIID.NotFound", 400, "Permanent")]
    [InlineData("InvalidParameterValue", 400, "Permanent")]
    [InlineData("UnknownParameter", 400, "Permanent")]
    [InlineData("InvalidInstanceID.Malformed", 400, "Permanent")]
    [InlineData("UnauthorizedOperation", 403, "Denied")]
    [InlineData("AccessDenied", 403, "Denied")]
    [InlineData("TypeError", 500, "Permanent")] // ec2-api: a parameter that it does not know
    [InlineData("InvalidInstanceID.NotFound", 400, "NotFound")]
    [InlineData("IncorrectInstanceState", 400, "State")]
    [InlineData("OperationNotPermitted", 400, "State")]
    [InlineData("AuthFailure", 401, "Credentials")]
    [InlineData("InvalidClientTokenId", 403, "Credentials")]
    [InlineData("SignatureDoesNotMatch", 403, "Credentials")]
    [InlineData("RequestExpired", 400, "Credentials")]
    [InlineData("OptInRequired", 401, "Credentials")]
    [InlineData("Blocked", 401, "Credentials")]
    [InlineData("Http401", 401, "Credentials")]
    [InlineData("DryRunOperation", 412, "DryRunOk")]
    public void Judge_Code_Action(string code, int status, string action) =>
        Assert.Equal(action, Ec2Errors.Judge(code, status).Action.ToString());

    /// <summary>
    /// Review, point 13: the next step of a launch is given once, by its state; and only what needs another launch is final.
    /// </summary>
    [Theory]
    [InlineData("InsufficientInstanceCapacity", 500, false)]
    [InlineData("SpotMaxPriceTooLow", 400, false)]
    [InlineData("VcpuLimitExceeded", 400, false)]
    [InlineData("PendingVerification", 400, false)]
    [InlineData("UnauthorizedOperation", 403, false)]
    [InlineData("AuthFailure", 401, false)]
    [InlineData("RequestExpired", 400, false)]
    [InlineData("Http503", 503, false)]
    [InlineData("IdempotentParameterMismatch", 400, true)]
    [InlineData("IdempotentInstanceTerminated", 400, true)]
    [InlineData("InvalidAMIID.NotFound", 400, true)]
    [InlineData("TypeError", 500, true)]
    public void P13_Judge_SaysWhetherTheSameLaunchCanSucceed(string code, int status, bool final)
    {
        var verdict = Ec2Errors.Judge(code, status);
        Assert.Equal(final, verdict.Final);
        foreach (var step in new[] { "launch again", "launch another", "launch on demand", "launch a new", "choose another", "request id" })
            Assert.DoesNotContain(step, verdict.Sentence, StringComparison.OrdinalIgnoreCase);
        if (code == "IdempotentInstanceTerminated")
            Assert.DoesNotContain("launch spec", verdict.Sentence, StringComparison.Ordinal);
    }

    /// <summary>AWS's blob differs at each try: with it in the message, each would be a fact of its own.</summary>
    [Theory]
    [InlineData("You are not authorized to do this. Encoded authorization failure message: AbC_d-9", "You are not authorized to do this")]
    [InlineData("Encoded authorization failure message: AbC_d-9", "")]
    [InlineData(" The image id '[ami-1]' does\n not exist. ", "The image id '[ami-1]' does not exist")]
    [InlineData("", "")]
    public void Plain_Message_HasNoEncodedBlob(string message, string plain) => Assert.Equal(plain, Ec2Errors.Plain(message));

    [Theory]
    [InlineData("<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>", "AuthFailure")]
    [InlineData("<ErrorResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><Error><Type>Sender</Type><Code> A.B "
        + "</Code></Error></ErrorResponse>", "A.B")]
    [InlineData("<html><body>500</html>", "Http500")] // not XML
    [InlineData("", "Http500")]
    [InlineData("<Response><Code/></Response>", "Http500")]
    [InlineData("<!DOCTYPE r [<!ENTITY e \"AuthFailure\">]><r><Code>&e;</Code></r>", "Http500")] // an entity must not be expanded
    public void Code_Body_FirstCodeOrStatus(string body, string code) => Assert.Equal(code, Ec2Answer.Code(body, 500));

    [Fact]
    public void Read_MoreThanTheLimit_NoAnswer() => Assert.Null(Ec2Answer.Read("<r>" + new string('x', Ec2Answer.Limit) + "</r>"));
}
