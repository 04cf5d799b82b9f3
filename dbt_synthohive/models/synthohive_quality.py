def model(dbt, session):
    from synthohive_py.dbt import model as engine

    dbt.ref("synthohive_tables")  # the twins are written before they are judged
    return engine.score(dbt.ref("synthohive_schema"), session, dbt.config.get("meta"))
