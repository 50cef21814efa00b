"""Who does the work: Pykka actors, their bounded lanes and their supervisor."""
