using Overture.Classifier;
using Overture.Platform;

return await ServiceHost.Run<ClassifierParts, ClassifierOptions>(args);
